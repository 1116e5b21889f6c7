import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import spawn from 'cross-spawn';
import { AgentIdError, describe } from '../base/errors.ts';
import { Emitter, type Event } from '../base/event.ts';
import type { Logger } from '../base/logger.ts';
import { redact } from '../base/redact.ts';
import type { ExecEntry } from './kubeconfigFile.ts';

/** A plugin at work, for whoever shows it to the person: what looks like a hang may be a plugin that waits for them. */
export interface PluginRun {
  command: string;
  /** All that it has said so far (its device code and page, where it signs in by one): redacted, without control characters. */
  readonly onOutput: Event<string>;
  /** Settles when it has ended, however. */
  readonly ended: Promise<void>;
  /** Ends it; who waits for it gets `cancelled`. */
  cancel(): void;
}

export interface PluginOptions {
  logger: Logger;
  /** Called for every run. */
  watch?: ((run: PluginRun) => void) | undefined;
  times?: PluginTimes;
}

/** In milliseconds. */
export interface PluginTimes {
  /** For a plugin that says nothing: it asks nobody, and answers within seconds. */
  silent: number;
  /** For one that has said something: it may wait for a person, and a device code is good for 15 minutes (Entra's `expires_in`). */
  speaking: number;
}

const TIMES: PluginTimes = { silent: 60_000, speaking: 15 * 60_000 };
const STDERR_LIMIT = 4096;
/** In characters; a token or a certificate with its chain has a few thousand. */
const STDOUT_LIMIT = 1024 * 1024;
/** How long a plugin that has ended may take to have its last words read, in milliseconds. */
const LAST_WORDS_MS = 500;

/**
 * Runs a credential plugin and resolves with what it wrote to stdout. On Windows also one that is a `.cmd`, whose arguments
 * `cross-spawn` escapes for the shell that it needs.
 * @throws cluster.pluginMissing, cluster.pluginFailed, and `cancelled` when the person ended it
 */
export async function runPlugin(
  exec: ExecEntry,
  info: string,
  options: PluginOptions,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  const { logger, watch, times = TIMES } = options;
  const { command, installHint } = exec;
  const env = { ...process.env, KUBERNETES_EXEC_INFO: info };
  for (const { name, value } of exec.env ?? []) Object.assign(env, { [name]: value });
  const failed = (reason: string, cause?: unknown) =>
    new AgentIdError('cluster.pluginFailed', { command, reason }, { cause });
  const stop = new AbortController();
  const stopped = AbortSignal.any([signal, stop.signal]);
  const said = new Emitter<string>();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, exec.args ?? [], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
    detached: process.platform !== 'win32', // a process group of its own, which can be ended as a whole
  });
  let stdout = '';
  let stderr = '';
  let over = false;
  const giveUp = (after: number) =>
    setTimeout(() => {
      const last = stderr ? `; it said: ${describe(stderr)}` : '';
      stop.abort(failed(`no answer within ${after / 1000} s${last}`));
    }, after);
  let deadline = giveUp(times.silent);
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (stdout.length > STDOUT_LIMIT) stop.abort(failed('its answer does not end'));
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (over) return;
    if (!stderr) {
      clearTimeout(deadline);
      deadline = giveUp(times.speaking);
    }
    stderr = readable(stderr + text);
    logger.warn(`credential plugin ${command}: ${describe(readable(text))}`);
    said.fire(stderr);
  });
  stopped.addEventListener('abort', () => {
    if (over) return;
    endWithChildren(child);
    reject(stopped.reason as Error);
  });
  child.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT')
      reject(new AgentIdError('cluster.pluginMissing', { command, hint: installHint ?? '' }, { cause: error }));
    else reject(failed(describe(error), error));
  });
  const drained = [child.stdout, child.stderr].map(stream => stream && once(stream, 'close').catch(() => {}));
  child.once('exit', (code, killedBy) => {
    // The answer is there when stdout ends, as for kubectl. A browser that the plugin opened may hold stderr for hours.
    void Promise.resolve(drained[0])
      .then(() => Promise.race([drained[1], sleep(LAST_WORDS_MS)]))
      .then(() => {
        if (code === 0) return resolve(stdout);
        const ended = killedBy ? `ended by ${killedBy}` : `exit code ${code ?? '?'}`;
        reject(failed(stderr ? `${ended}: ${describe(stderr)}` : ended));
      });
  });
  const ended = promise.then(
    () => {},
    () => {},
  );
  void ended.then(() => {
    over = true;
    clearTimeout(deadline);
    said.dispose();
    (child.stderr as Socket | null)?.unref();
  });
  watch?.({ command, onOutput: said.event, ended, cancel: () => stop.abort(new AgentIdError('cancelled')) });
  return promise;
}

/**
 * Ends a plugin and what it has started: a plugin is often a script around another program, which would go on waiting for
 * the person and hold the port of its sign-in.
 */
function endWithChildren(child: ChildProcess): void {
  if (child.pid === undefined) return;
  if (process.platform === 'win32') {
    const options = { stdio: 'ignore', windowsHide: true } as const;
    spawn('taskkill', ['/pid', String(child.pid), '/t', '/f'], options).on('error', () => child.kill());
    return;
  }
  try {
    process.kill(-child.pid, 'SIGTERM');
  } catch {
    // it has just ended
  }
}

/** The end of what a plugin wrote, for people: no tokens, no colours. */
function readable(text: string): string {
  return redact(stripVTControlCharacters(text).replace(/[^\P{Cc}\n]/gu, '')).slice(-STDERR_LIMIT);
}
