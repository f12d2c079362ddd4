import { defineConfig } from '@hey-api/openapi-ts';

// Writes src/gen. Every import carries .js, so that plain tsc builds ESM and no bundler is needed.
export default defineConfig({
  input: '../../api/openapi.yaml',
  output: { path: 'src/gen', clean: true, module: { extension: '.js' } },
  logs: { file: false, level: 'warn' },
  plugins: [
    { name: '@hey-api/client-fetch', throwOnError: true },
    { name: '@hey-api/typescript', enums: false },
    '@hey-api/sdk',
    'zod',
    '@tanstack/react-query',
  ],
});
