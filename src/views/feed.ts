/** What a feed needs of its webview: undefined while none is there or it has not said `ready`. */
export type Post = (message: unknown) => void;

/**
 * The host's copy of a webview's state. Each change is applied here first and then sent as a numbered patch; a webview
 * that comes late, or lost a message, gets the whole state.
 */
export class Feed<State, Operation> {
  readonly #apply: (state: State, operation: Operation) => State | undefined;
  #state: State;
  #seq = 0;
  #post: Post | undefined;

  constructor(initial: State, apply: (state: State, operation: Operation) => State | undefined) {
    this.#state = initial;
    this.#apply = apply;
  }

  get state(): State {
    return this.#state;
  }

  /** True when a webview listens. */
  get attached(): boolean {
    return this.#post !== undefined;
  }

  /** The webview is ready, or asks anew: it gets everything, and patches from here on. */
  attach(post: Post, extra: object = {}): void {
    this.#post = post;
    post({ type: 'snapshot', seq: this.#seq, state: this.#state, ...extra });
  }

  detach(): void {
    this.#post = undefined;
  }

  /** Sends a message that is no change of state. */
  send(message: unknown): void {
    this.#post?.(message);
  }

  /** Applies operations; one that does not fit is a mistake of ours and throws. */
  change(...operations: Operation[]): void {
    for (const operation of operations) {
      const next = this.#apply(this.#state, operation);
      if (next === undefined) throw new Error(`A patch does not fit: ${JSON.stringify(operation).slice(0, 200)}`);
      this.#state = next;
    }
    if (operations.length > 0) this.#post?.({ type: 'patch', seq: ++this.#seq, operations });
  }
}
