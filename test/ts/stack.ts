import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './listen.js';
import { startPrism } from './prism.js';

const binary = '../../bin/mugshot';
const devBinary = '../../bin/mugshot-dev';

/** A running backend, as a client sees it. */
export interface Stack {
  baseUrl: string;
  mailDir: string;
  /** Gives credits to an account, as an operator would. */
  grant(email: string, amount: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the whole stack, as `make run` does, on a free port and with data and settings of its own. */
export async function startStack(settings: Record<string, string> = {}): Promise<Stack> {
  const dir = await mkdtemp('/tmp/mugshot-e2e-');
  const addr = `127.0.0.1:${await freePort()}`;
  const env = {
    PATH: process.env['PATH'], HOME: process.env['HOME'], DEV_DIR: dir, HTTP_ADDR: addr, ADMIN_ADDR: '127.0.0.1:0', ...settings,
  };
  const server = spawn(devBinary, [], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  await ready(server, `http://${addr}/readyz`);
  return {
    baseUrl: `http://${addr}/api/v1`,
    mailDir: join(dir, 'mail'),
    grant: async (email, amount) => {
      await promisify(execFile)(binary, ['credits', 'grant', '--email', email, '--amount', String(amount)], { env });
    },
    stop: async () => {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGINT');
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function ready(server: ChildProcess, url: string): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await sleep(50)) {
    if (server.exitCode !== null) throw new Error(`mugshot-dev ended with code ${server.exitCode}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
  }
  server.kill('SIGKILL');
  throw new Error('mugshot-dev did not get ready');
}

/**
 * Starts the stack behind a proxy that checks every request and answer against the spec. Stopping it fails if there was a
 * violation.
 */
export async function startProxiedStack(): Promise<Stack & { direct: string }> {
  const stack = await startStack();
  const prism = await startPrism(stack.baseUrl);
  return {
    ...stack,
    direct: stack.baseUrl, // for endless streams: the proxy passes an answer on only when it is complete
    baseUrl: prism.baseUrl,
    stop: async () => {
      await prism.stop();
      await stack.stop();
      assert.deepEqual(prism.violations(), [], 'the spec was violated');
    },
  };
}
