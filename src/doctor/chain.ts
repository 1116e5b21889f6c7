import { orAborted } from '../base/abort.ts';
import type { Clock } from '../base/clock.ts';
import { AgentIdError } from '../base/errors.ts';
import type { CheckId, CheckState, Fact, FactName, FederatedCredential, Finding, Found, Report } from './report.ts';

/** How often, and how long at most, a check is repeated that waits for something to replicate; in milliseconds. */
export interface Patience {
  every: number;
  atMost: number;
}

/** Entra says minutes for consent, and up to five for a federated credential. */
export const PATIENCE: Patience = { every: 15_000, atMost: 6 * 60_000 };

/** What a check reports with while it looks. */
export class Look {
  readonly signal: AbortSignal;
  readonly found: Found = { facts: [], findings: [], remarks: [] };
  /** Why nothing could be seen; the check counts neither as passed nor as failed. */
  unseen: AgentIdError | undefined;
  /** Checks of which one would have had to pass: without any there was nothing to look at. */
  missing: readonly Node<unknown>[] = [];

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  fact(name: FactName, value: string | number | undefined): void {
    if (value !== undefined && value !== '') this.found.facts.push({ name, value: String(value) } satisfies Fact);
  }

  finding(finding: Finding): void {
    this.found.findings.push(finding);
  }

  remark(...errors: AgentIdError[]): void {
    this.found.remarks.push(...errors);
  }

  credential(credential: FederatedCredential): void {
    this.found.credential = credential;
  }
}

/** A check with what it leaves to those that depend on it; undefined when it did not pass. */
export interface Node<T> {
  readonly id: CheckId;
  readonly result: Promise<{ value: T } | undefined>;
}

type Values<N extends readonly Node<unknown>[]> = { [I in keyof N]: N[I] extends Node<infer T> ? T : never };
type Optional<N extends readonly Node<unknown>[]> = {
  [I in keyof N]: N[I] extends Node<infer T> ? T | undefined : never;
};

interface Options<N extends readonly Node<unknown>[], M extends readonly Node<unknown>[], T> {
  /** Each must pass first. */
  needs: N;
  /** Each must have ended first, however. */
  after?: M;
  /** Whether time alone may mend a failure: then the check is repeated for a while. */
  mends?: (error: AgentIdError) => boolean;
  look: (look: Look, needed: Values<N>, others: Optional<M>) => Promise<T>;
}

/**
 * Checks that depend on each other. Each begins as soon as what it needs has passed; where that failed, it is not looked
 * at, and says which check it would have needed. The others go on.
 */
export class Chain {
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  readonly #patience: Patience;
  readonly #changed: (id: CheckId) => void;
  readonly #states = new Map<CheckId, CheckState>();
  readonly #ends: Promise<unknown>[] = [];
  readonly #waits = new Map<CheckId, (again: boolean) => void>();

  constructor(options: { signal: AbortSignal; clock: Clock; patience: Patience; changed: (id: CheckId) => void }) {
    this.#signal = options.signal;
    this.#clock = options.clock;
    this.#patience = options.patience;
    this.#changed = options.changed;
  }

  get states(): Report {
    return this.#states;
  }

  add<T, const N extends readonly Node<unknown>[] = [], const M extends readonly Node<unknown>[] = []>(
    id: CheckId,
    options: Options<N, M, T>,
  ): Node<T> {
    this.#set(id, { kind: 'pending' });
    const result = this.#run(id, options).catch((error: unknown) => {
      if (!this.#signal.aborted) throw error;
      this.#set(id, { kind: 'stopped' });
      return undefined;
    });
    this.#ends.push(result);
    return { id, result };
  }

  /** Settles when every check has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#ends);
  }

  /** Ends the wait of a check: with another try at once, or (false) for good. */
  wake(id: CheckId, again: boolean): void {
    this.#waits.get(id)?.(again);
  }

  async #run<T, N extends readonly Node<unknown>[], M extends readonly Node<unknown>[]>(
    id: CheckId,
    { needs, after, mends, look: work }: Options<N, M, T>,
  ): Promise<{ value: T } | undefined> {
    const [needed, others] = await Promise.all([
      Promise.all(needs.map(({ result }) => result)),
      Promise.all((after ?? []).map(({ result }) => result)),
    ]);
    this.#signal.throwIfAborted();
    const failed = needs.filter((_, index) => !needed[index]);
    if (failed.length > 0) {
      this.#set(id, { kind: 'blocked', needs: this.#roots(failed) });
      return undefined;
    }
    const values = needed.map(each => each?.value) as Values<N>;
    const rest = others.map(each => each?.value) as Optional<M>;
    const since = this.#clock.now();
    const until = since + this.#patience.atMost;
    this.#set(id, { kind: 'running' });
    for (;;) {
      const look = new Look(this.#signal);
      const ms = () => this.#clock.now() - since;
      try {
        const value = await orAborted(work(look, values, rest), this.#signal);
        const { unseen, found, missing } = look;
        if (missing.length > 0) {
          this.#set(id, { kind: 'blocked', needs: this.#roots(missing) });
          return undefined;
        }
        this.#set(
          id,
          unseen ? { kind: 'unknown', ms: ms(), error: unseen, ...found } : { kind: 'passed', ms: ms(), ...found },
        );
        return { value };
      } catch (error) {
        this.#signal.throwIfAborted();
        const nextTry = this.#clock.now() + this.#patience.every;
        if (AgentIdError.is(error) && mends?.(error) && nextTry <= until) {
          const waiting = { kind: 'waiting', error, nextTry, until, ...look.found } as const;
          this.#set(id, { ...waiting, trying: false });
          if (await this.#wait(id)) {
            this.#set(id, { ...waiting, trying: true }); // what it waits for stays in sight
            continue;
          }
        }
        this.#set(id, { kind: 'failed', ms: ms(), error, ...look.found });
        return undefined;
      }
    }
  }

  /** True when it is time for another try. */
  async #wait(id: CheckId): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(true), this.#patience.every);
    this.#waits.set(id, resolve);
    try {
      return await orAborted(promise, this.#signal);
    } finally {
      clearTimeout(timer);
      this.#waits.delete(id);
    }
  }

  /** The checks at which it began: what a blocked one needed in its turn. */
  #roots(missing: readonly Node<unknown>[]): CheckId[] {
    const roots = missing.flatMap(({ id }) => {
      const state = this.#states.get(id);
      return state?.kind === 'blocked' ? state.needs : [id];
    });
    return [...new Set(roots)];
  }

  #set(id: CheckId, state: CheckState): void {
    this.#states.set(id, state);
    this.#changed(id);
  }
}
