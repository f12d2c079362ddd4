import { defineConfig } from '@hey-api/openapi-ts';

/** The part of an operation that a stream of events has to be looked for in. */
interface Operation {
  responses?: Record<string, { content?: Record<string, { schema?: unknown; 'x-event-data'?: string }> }>;
}

// Writes src/gen. Every import carries .js, so that plain tsc builds ESM and no bundler is needed.
export default defineConfig({
  input: '../../api/openapi.yaml',
  output: { path: 'src/gen', clean: true, module: { extension: '.js' } },
  parser: {
    patch: {
      // A stream of events is a string to OpenAPI 3.0. The client hands out the data of each event instead.
      operations: (_method, _path, operation) => {
        for (const { content } of Object.values((operation as Operation).responses ?? {})) {
          const events = content?.['text/event-stream'];
          if (events) events.schema = { $ref: events['x-event-data'] };
        }
      },
    },
  },
  logs: { file: false, level: 'warn' },
  plugins: [
    { name: '@hey-api/client-fetch', throwOnError: true },
    { name: '@hey-api/typescript', enums: false },
    '@hey-api/sdk',
    'zod',
    '@tanstack/react-query',
  ],
});
