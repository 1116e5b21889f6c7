import { fork, type ChildProcess } from 'node:child_process';
import * as vscode from 'vscode';
import { parseWorld, type World } from '../agent/world.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

const START_TIMEOUT_MS = 60_000;

/** The built-in sandbox as a child of the extension host: it ends with us, because its IPC channel does. */
export class SandboxProcess implements vscode.Disposable {
  readonly #script: string;
  readonly #logger: Logger;
  readonly #onEnd: () => void;
  #child: ChildProcess | undefined;
  #world: World | undefined;

  constructor(extensionUri: vscode.Uri, logger: Logger, onEnd: () => void) {
    this.#script = vscode.Uri.joinPath(extensionUri, 'dist', 'sandbox', 'main.js').fsPath;
    this.#logger = logger;
    this.#onEnd = onEnd;
  }

  get world(): World | undefined {
    return this.#world;
  }

  /** Starts it, or gives the one that runs. Throws `sandbox.failed` with what it said last. */
  async start(signal: AbortSignal): Promise<World> {
    if (this.#world) return this.#world;
    const child = fork(this.#script, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] });
    this.#child = child;
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2_000);
      this.#logger.debug(`sandbox: ${text.trimEnd()}`);
    });
    const both = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
    try {
      const message = await new Promise<unknown>((resolve, reject) => {
        both.addEventListener('abort', () => reject(both.reason as Error), { once: true });
        child.once('error', reject);
        child.once('exit', code => reject(new Error(`it ended with code ${code ?? 'none'}: ${said.trim()}`)));
        child.once('message', resolve);
      });
      this.#world = parseWorld(message, 'sandbox');
    } catch (error) {
      child.kill(); // this one: a newer start may have made another
      if (this.#child === child) this.#child = undefined;
      signal.throwIfAborted();
      throw new AgentIdError(
        'sandbox.failed',
        { problem: error instanceof Error ? error.message : '' },
        { cause: error },
      );
    }
    child.removeAllListeners('exit').once('exit', () => {
      if (this.#child === child) this.#ended();
    });
    this.#logger.info(`The sandbox is up, process ${child.pid ?? 'unknown'}.`);
    return this.#world;
  }

  stop(): void {
    const child = this.#child;
    this.#ended();
    child?.kill();
  }

  dispose(): void {
    this.stop();
  }

  #ended(): void {
    const was = this.#world;
    this.#child = undefined;
    this.#world = undefined;
    if (was) this.#onEnd();
  }
}
