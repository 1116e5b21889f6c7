/** What a numbered message did to the receiver's state. */
export type Received = 'changed' | 'stale' | 'gap';

type Numbered<State, Operation> =
  | { readonly type: 'snapshot'; readonly seq: number; readonly state: State }
  | { readonly type: 'patch'; readonly seq: number; readonly operations: readonly Operation[] };

/**
 * The view's half of the state protocol: a snapshot sets the state and its number, patch n+1 follows state n. A patch
 * that is older is ignored; one that is newer, or that does not fit, is a `gap`: reported once, after which only a
 * snapshot is listened to.
 */
export class Receiver<State, Operation> {
  readonly #apply: (state: State, operation: Operation) => State | undefined;
  #state: State;
  #seq: number | undefined;

  constructor(initial: State, apply: (state: State, operation: Operation) => State | undefined) {
    this.#state = initial;
    this.#apply = apply;
  }

  get state(): State {
    return this.#state;
  }

  receive(message: Numbered<State, Operation>): Received {
    if (message.type === 'snapshot') {
      this.#state = message.state;
      this.#seq = message.seq;
      return 'changed';
    }
    if (this.#seq === undefined || message.seq <= this.#seq) return 'stale';
    const next = message.seq === this.#seq + 1 ? this.#applyAll(message.operations) : undefined;
    if (next === undefined) {
      this.#seq = undefined;
      return 'gap';
    }
    this.#state = next;
    this.#seq = message.seq;
    return 'changed';
  }

  #applyAll(operations: readonly Operation[]): State | undefined {
    let state: State | undefined = this.#state;
    for (const operation of operations) {
      if (state === undefined) return undefined;
      state = this.#apply(state, operation);
    }
    return state;
  }
}
