import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type Closable, listen } from './listen.js';

const sdk = new URL('..', import.meta.resolve('@mugshot-studio/sdk'));
/** What Vite has made of ../web. */
const web = new URL('../../../web/dist/', import.meta.url);

const app = '<!doctype html><title>A web app</title><script type="module" src="/app.js"></script>';

// The start of a web app. It assigns its variables to the window, where tests find them.
const script = `
import * as mugshot from '/sdk/sdk/index.js';
const session = mugshot.cookieSession();
mugshot.configureMugshot({ baseUrl: new URLSearchParams(location.search).get('api'), session });
Object.assign(window, { mugshot, session });
`;

/**
 * Serves under any host name: an empty page; at /app?api=… a web app of nothing but the built SDK; and at
 * /web/index.html?api=… one made with Vite and React from the SDK's package.
 */
export async function startSite(): Promise<Closable & { port: number }> {
  return listen(
    createServer(async ({ url = '/' }, response) => {
      const { pathname } = new URL(url, 'http://localhost');
      const [type, body] = await resource(pathname);
      response.writeHead(200, { 'Content-Type': `text/${type}; charset=utf-8` }).end(body);
    }),
  );
}

async function resource(path: string): Promise<[type: string, body: string | Buffer]> {
  if (path === '/app') return ['html', app];
  if (path === '/app.js') return ['javascript', script];
  if (path.startsWith('/sdk/')) return ['javascript', await readFile(new URL(path.slice('/sdk/'.length), sdk))];
  if (path.startsWith('/web/')) {
    return [path.endsWith('.js') ? 'javascript' : 'html', await readFile(new URL(path.slice('/web/'.length), web))];
  }
  return ['html', '<!doctype html><title>A page</title>'];
}
