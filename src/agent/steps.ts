import { isCancellation } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

export const STEPS = ['signIn', 'sidecar', 'llmToken', 'mcpToken', 'tools'] as const;
export type StepId = (typeof STEPS)[number];

/** One line of the list that Connect ticks off. `detail` is a name or a number that the line shows. */
export type StepState =
  { kind: 'pending' } | { kind: 'running' } | { kind: 'done'; detail: string } | { kind: 'failed'; error: unknown };

const PENDING: StepState = { kind: 'pending' };

/** What each step does, resolving with the detail of its line. */
export type StepWork = Record<StepId, (pass: AbortSignal) => Promise<string>> & {
  /** Called instead of `tools` where the steps before it did not lead there. */
  noTools(): void;
};

/** What became of each step. It knows no step's work, so that the views can import it for next to nothing. */
export class StepList {
  readonly #states = new Map<StepId, StepState>();
  readonly #changed: () => void;
  readonly #logger: Logger;
  #pass: AbortSignal | undefined;

  constructor(changed: () => void, logger: Logger) {
    this.#changed = changed;
    this.#logger = logger;
  }

  get(step: StepId): StepState {
    return this.#states.get(step) ?? PENDING;
  }

  /** The first step that failed, with its error. */
  get firstFailure(): { step: StepId; error: unknown } | undefined {
    for (const step of STEPS) {
      const state = this.get(step);
      if (state.kind === 'failed') return { step, error: state.error };
    }
    return undefined;
  }

  /** Begins anew: nothing is done, and steps that run with another signal have no say any more. */
  reset(pass?: AbortSignal): void {
    this.#pass = pass;
    this.#states.clear();
    this.#changed();
  }

  set(step: StepId, state: StepState): void {
    this.#states.set(step, state);
    this.#changed();
  }

  /**
   * Runs all steps anew, each when those it needs are done: the sidecar is asked while the person signs in, and the two
   * tokens are had side by side. Resolves when all ended, failed or not; only an abort rejects.
   */
  async runAll(work: StepWork, pass: AbortSignal): Promise<void> {
    this.reset(pass);
    const run = (step: StepId) => this.#run(step, pass, () => work[step](pass));
    const health = run('sidecar');
    health.catch(() => {}); // heard of below, unless the sign-in was cancelled first
    const signedIn = await run('signIn');
    if (!(await health) || !signedIn) return work.noTools();
    const tools = async () => {
      if (await run('mcpToken')) await run('tools');
      else work.noTools();
    };
    await Promise.all([run('llmToken'), tools()]);
  }

  /** Runs a step with the signal of its pass. False when it failed, which its state says; only an abort rejects. */
  async #run(step: StepId, pass: AbortSignal, work: () => Promise<string>): Promise<boolean> {
    pass.throwIfAborted();
    this.set(step, { kind: 'running' });
    try {
      const detail = await work();
      pass.throwIfAborted(); // not everything that is awaited hears of an abort
      this.set(step, { kind: 'done', detail });
      return true;
    } catch (error) {
      if (pass.aborted || isCancellation(error)) {
        if (pass === this.#pass) this.set(step, PENDING);
        throw pass.aborted ? pass.reason : error; // what the abort broke is no news
      }
      this.#logger.warn(`Connect: ${step} failed: ${String(error)}`);
      this.set(step, { kind: 'failed', error });
      return false;
    }
  }
}
