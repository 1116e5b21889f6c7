import { existsSync } from 'node:fs';
import path from 'node:path';
import { root } from './paths.ts';
import { startGroup } from './processes.ts';

const START_MS = 60_000;

export interface SandboxChild {
  /** The line of JSON as the sandbox printed it. */
  readonly json: string;
  readonly ended: Promise<void>;
  readonly output: () => string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts the built sandbox (`dist/sandbox/main.js --json`) and returns when it is ready. Throws with
 * what it wrote when it ends first, or gets nowhere in a minute.
 */
export async function startSandboxChild(args: string[] = []): Promise<SandboxChild> {
  const main = path.join(root, 'dist', 'sandbox', 'main.js');
  if (!existsSync(main)) throw new Error('The sandbox is not built: npm run build');
  let ready: (line: string) => void = () => {};
  const firstLine = new Promise<string>(resolve => (ready = resolve));
  const group = await startGroup(process.execPath, [main, '--json', ...args], {
    onLine: line => {
      if (line.startsWith('{')) ready(line);
    },
  });
  let timer: NodeJS.Timeout | undefined;
  const trouble = (why: string) => new Error(`The sandbox ${why}.\n${group.output()}`);
  try {
    const json = await Promise.race([
      firstLine,
      group.ended.then(() => Promise.reject(trouble('ended before it was ready'))),
      new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(trouble('did not get ready')), START_MS);
      }),
    ]);
    return { json, ended: group.ended, output: group.output, stop: group.stop };
  } catch (error) {
    await group.stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
