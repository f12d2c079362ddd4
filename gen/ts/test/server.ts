import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { ErrorCode } from '../sdk/index.js';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Starts a server on a free port that lives as long as the test, and answers its base address. */
export async function serve(t: TestContext, handler: Handler): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`;
}

export async function body(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}

export function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'X-Request-Id': 'req-1' }).end(JSON.stringify(value));
}

export function fail(response: ServerResponse, status: number, code: ErrorCode): void {
  json(response, status, { error: { code, message: `It is ${code}.` } });
}
