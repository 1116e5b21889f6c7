// Child processes that can't outlive us. Each long-lived child leads a process group of its own, so that its own
// children end with it, and a guard process ends what is left, should this process die without a word.
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const GRACE_MS = 4000;

/** Runs a command to its end and gives its standard output; throws with what it wrote to standard error. */
export function must(command: string, args: string[], options: SpawnOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...windowsShell(command), ...options });
    let output = '';
    let errors = '';
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.on('error', reject);
    child.on('close', code => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}: ${(errors || output).trim()}`));
    });
  });
}

export interface Group {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Settles when the leader ended by itself or was stopped. */
  readonly ended: Promise<void>;
  /** Everything that leader and members wrote, the last 200 kB of it. */
  readonly output: () => string;
  /** Asks the whole group to end, insists after 4 s, and returns when it is gone. */
  readonly stop: () => Promise<void>;
}

/** Starts a command as the leader of its own process group. `onLine` gets each line of its standard output. */
export async function startGroup(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; onLine?: (line: string) => void } = {},
): Promise<Group> {
  const { onLine, ...rest } = options;
  const child = spawn(command, args, {
    ...rest,
    ...windowsShell(command),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  const pid = child.pid ?? 0;
  tellGuard(`+group ${pid}`);

  let output = '';
  let line = '';
  const keep = (chunk: string) => (output = (output + chunk).slice(-200_000));
  child.stderr.setEncoding('utf8').on('data', keep);
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    keep(chunk);
    const lines = (line + chunk).split('\n');
    line = lines.pop() ?? '';
    for (const whole of lines) onLine?.(whole);
  });

  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    killGroup(pid, 'SIGTERM');
    if (!(await gone(pid))) {
      killGroup(pid, 'SIGKILL');
      await gone(pid);
    }
    tellGuard(`-group ${pid}`);
  };
  return { pid, child, ended, output: () => output, stop: () => (stopping ??= stop()) };
}

export interface TemporaryDirectory {
  readonly path: string;
  readonly remove: () => void;
}

/** A new folder that disappears when its owner calls `remove`, and in any case with this process. */
export function temporaryDirectory(purpose: string, parent = tmpdir()): TemporaryDirectory {
  const directory = mkdtempSync(path.join(parent, `agent-id-${purpose}-`));
  tellGuard(`+folder ${directory}`);
  return {
    path: directory,
    remove() {
      // VS Code's helpers may still be writing their last lines
      rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
      tellGuard(`-folder ${directory}`);
    },
  };
}

/** A TCP port on the loopback that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/**
 * Calls `probe` until it gives something other than undefined; throws with `what` after the deadline (ms), also when a
 * probe never comes back.
 */
export async function until<T>(
  what: () => string,
  probe: () => Promise<T | undefined> | T | undefined,
  timeout = 45_000,
  interval = 50,
): Promise<T> {
  const deadline = Date.now() + timeout;
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>(resolve => {
      timer = setTimeout(() => resolve(undefined), Math.max(0, deadline - Date.now()) + interval);
    });
    const value = await Promise.race([probe(), late]).finally(() => clearTimeout(timer));
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`Waited ${Math.round(timeout / 1000)} s: ${what()}`);
    await sleep(interval);
  }
}

/** Signals every process of a group; false when there is none left. */
export function killGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    if (process.platform === 'win32') process.kill(pid, signal);
    else process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<boolean> {
  const deadline = Date.now() + GRACE_MS;
  while (killGroup(pid, 0)) {
    if (Date.now() > deadline) return false;
    await sleep(30);
  }
  return true;
}

/** npm and code are scripts on Windows, which only a shell can start. */
function windowsShell(command: string): { shell?: boolean } {
  return process.platform === 'win32' && !path.isAbsolute(command) ? { shell: true } : {};
}

let guard: ChildProcess | undefined;

/** The guard sees our end as the end of its input; it starts with the first thing that needs guarding. */
function tellGuard(line: string): void {
  if (!guard) {
    guard = spawn(process.execPath, [path.join(import.meta.dirname, 'guard.ts')], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    guard.unref();
    const input = guard.stdin as NodeJS.WritableStream & { unref?(): void };
    input.unref?.();
    input.on('error', () => {});
  }
  guard.stdin?.write(`${line}\n`);
}
