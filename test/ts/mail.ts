import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a mail to the address and reads the six-digit code out of it. Mail leaves after the answer. */
export async function confirmationCode(directory: string, address: string): Promise<string> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(50)) {
    for (const file of (await readdir(directory)).filter((name) => name.endsWith('.eml'))) {
      const [head = '', ...body] = (await readFile(join(directory, file), 'utf8')).split(/\r?\n\r?\n/);
      const code = body.join('\n').match(/(?<![#\w-])\d{6}(?![\w-])/)?.[0];
      if (code && head.toLowerCase().includes(address)) return code;
    }
  }
  throw new Error(`no mail with a code for ${address} in ${directory}`);
}
