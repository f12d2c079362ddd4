import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import { type Closable, listen } from './listen.js';

/** One request as the browser sent it, preflights included, and its answer as the server gave it. */
export interface Exchange {
  method: string;
  path: string;
  sent: IncomingHttpHeaders;
  status: number;
  got: IncomingHttpHeaders;
  body: string;
}

export interface Recorder extends Closable {
  port: number;
  /** Returns the API calls since the last time it was called, without icons and the like. */
  take(): Exchange[];
}

/**
 * Starts a proxy between the browser and the server that records requests and answers. A browser shows neither its pages
 * nor its debugger all of them: not which cookies went with an opaque request, nor how a preflight was answered.
 */
export async function startRecorder(server: URL): Promise<Recorder> {
  let seen: Exchange[] = [];
  const recorder = createServer((incoming, outgoing) => {
    const { method = '', url: path = '', headers: sent, rawHeaders } = incoming;
    const onward = request({ host: server.hostname, port: server.port, method, path, headers: rawHeaders });
    incoming.pipe(onward);
    onward.on('error', () => outgoing.destroy());
    onward.on('response', async (answer) => {
      const { statusCode: status = 0, headers: got, rawHeaders } = answer;
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      if (path.startsWith('/api/')) seen.push({ method, path, sent, status, got, body: body.toString() });
      outgoing.writeHead(status, rawHeaders).end(body);
    });
  });
  return {
    ...(await listen(recorder)),
    take: () => {
      const taken = seen;
      seen = [];
      return taken;
    },
  };
}
