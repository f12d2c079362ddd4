import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { freePort } from './listen.js';

/** A proxy in front of a server that checks requests and answers against the spec. */
export interface Prism {
  /** The base address to call instead of the server's. */
  baseUrl: string;
  /** Returns the violations of the spec since it was called last, one line each. */
  violations(): string[];
  stop(): Promise<void>;
}

/** Starts Prism, a validator independent of this project. It passes violations on to the server, and reports them. */
export async function startPrism(server: string): Promise<Prism> {
  const port = String(await freePort());
  const args = ['--no-warnings', '../../tools/node_modules/@stoplight/prism-cli/dist/index.js', 'proxy', '../../api/openapi.yaml', server, '-p', port];
  const prism = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const output = createInterface({ input: prism.stdout });
  const listening = new Promise<void>((resolve, reject) => {
    output.on('line', (line) => {
      if (line.includes('Violation: ')) lines.push(line.slice(line.indexOf('Violation: ')));
      if (line.includes('Prism is listening')) resolve();
    });
    prism.once('exit', () => reject(new Error('Prism did not start')));
  });
  await listening;
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    violations: () => lines.splice(0),
    stop: () => ended(prism),
  };
}

async function ended(process: ChildProcess): Promise<void> {
  const exit = once(process, 'exit');
  process.kill();
  await exit;
}
