import { orAborted } from '../base/abort.ts';
import type { Disposable } from '../base/disposable.ts';
import { AgentIdError, isCancellation } from '../base/errors.ts';
import { SingleFlight } from '../base/singleFlight.ts';

/** What a sign-in may mend: Entra, or the sidecar for it, wants the person and not another request. */
const MENDABLE = new Set([
  'agent.signInNeeded',
  'signIn.interactionRequired',
  'signIn.sessionEnded',
  'signIn.editorAccount',
  'sidecar.interactionRequired',
  'sidecar.userTokenRejected',
]);

/** True for a failure that the person can mend by signing in. */
export function needsPerson(error: unknown): error is AgentIdError {
  return AgentIdError.is(error) && MENDABLE.has(error.code);
}

/** True when no token could be had, for whatever reason: then nothing was sent, and a repetition repeats nothing. */
export function isTokenFailure(error: unknown): boolean {
  return (
    AgentIdError.is(error) &&
    /^((signIn|sidecar|userToken|agentToken|token)\.|agent\.(signInNeeded|signInDidNotHelp)$)/.test(error.code)
  );
}

/** A failure that somebody waits for the person to mend. */
export interface Question {
  readonly error: AgentIdError;
  /** Ends the wait: without an error whoever waited goes on, with one it is what they fail with. */
  settle(failure?: unknown): void;
}

/**
 * What a connection remembers of failures that a sign-in may mend. The sidecar drops Entra's claims challenges, so a
 * sign-in is a try, made once: when the same refusal comes back after it, only an administrator can help, and asking the
 * person again would never end.
 */
export class Recovery {
  readonly #waits = new SingleFlight<void>();
  readonly #refused = new Set<string>();
  readonly #tried = new Set<string>();
  #signIns = 0;
  #claims: string | undefined;
  #question: Question | undefined;

  /** What is being waited for; undefined when nobody waits. */
  get question(): Question | undefined {
    return this.#question;
  }

  /** The claims challenge that came with the last refusal, as JSON text. */
  get claims(): string | undefined {
    return this.#claims;
  }

  /**
   * What `work` gets, the agent's token for `api`; its failure as it is to be told. A sign-in that was made meanwhile did
   * not fail: what began before it begins again.
   */
  async release<T>(api: string, work: () => Promise<T>): Promise<T> {
    const before = this.#signIns;
    try {
      const token = await work();
      this.released(api);
      return token;
    } catch (error) {
      if (needsPerson(error) && this.#signIns !== before) return this.release(api, work);
      throw this.judge(api, error);
    }
  }

  /**
   * The failure as it is to be told: `agent.signInDidNotHelp` for one that a sign-in was made for and that came back.
   * `api` says which token it stood in the way of.
   */
  judge(api: string, error: unknown): unknown {
    if (!needsPerson(error)) return error;
    const { code, args } = error;
    const key = `${api} ${code} ${args['aadsts'] ?? ''}`;
    if (this.#tried.has(key))
      return new AgentIdError('agent.signInDidNotHelp', { ...args, api, code }, { cause: error });
    this.#refused.add(key);
    this.note(error);
    return error;
  }

  /** Keeps the claims challenge of a failure for the next sign-in. */
  note(error: unknown): void {
    const claims = AgentIdError.is(error) ? error.args['claims'] : undefined;
    if (typeof claims === 'string') this.#claims = claims;
  }

  /** The person signed in: what was refused until now was tried. */
  signedIn(): void {
    this.#signIns++;
    for (const key of this.#refused) this.#tried.add(key);
    this.#refused.clear();
    this.#claims = undefined;
  }

  /** The token is there: what stood in its way is over. */
  released(api: string): void {
    for (const keys of [this.#refused, this.#tried])
      for (const key of keys) if (key.startsWith(`${api} `)) keys.delete(key);
  }

  /**
   * Waits until somebody has signed in. However many wait, `show` puts one question before the person; what it returns
   * is disposed when nobody waits any more. Rejects with what became of the sign-in, or with the signal's reason.
   */
  wait(error: AgentIdError, show: (error: AgentIdError) => Disposable, signal: AbortSignal): Promise<void> {
    return this.#waits.run('sign-in', flight => this.#ask(error, show, flight), signal);
  }

  async #ask(error: AgentIdError, show: (error: AgentIdError) => Disposable, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {}); // whoever waits hears of it, unless they have left
    const question: Question = {
      error,
      settle: failure => {
        if (failure === undefined) resolve();
        else reject(isCancellation(failure) ? error : failure); // why it was asked for still holds
      },
    };
    this.#question = question;
    const row = show(error);
    try {
      await orAborted(promise, signal);
    } finally {
      row.dispose();
      if (this.#question === question) this.#question = undefined;
    }
  }
}
