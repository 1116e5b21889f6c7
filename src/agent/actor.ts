import { AgentIdError } from '../base/errors.ts';
import type { SignIn, UserToken } from '../identity/signIn.ts';

/** The user for whom a connection acts. What is begun for one user ends with `signal`, and never goes on as another. */
export class Actor {
  readonly #signIn: SignIn;
  readonly #on: { changed(): void; ended(): void };
  #token: UserToken | undefined;
  #abort = new AbortController();

  /** `ended` is called when nothing of the user who acted may be left; `changed` when their token was renewed. */
  constructor(signIn: SignIn, on: { changed(): void; ended(): void }) {
    this.#signIn = signIn;
    this.#on = on;
  }

  /** Tc as it was last seen, which says who acts; it may have expired. Undefined when nobody is signed in. */
  get token(): UserToken | undefined {
    return this.#token;
  }

  /** Aborted when the user who acts now signs out or makes way for another. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Tc: from the cache or silently renewed; `agent.signInNeeded` when only the person can help. */
  async userToken(options: { forceRefresh?: boolean; signal?: AbortSignal }): Promise<UserToken> {
    const { signal } = this;
    const account = this.#token?.account;
    const token = await this.#signIn.silent({ ...options, ...(account && { account }) });
    signal.throwIfAborted(); // signed out, or somebody else, while it was on its way
    if (!token) throw new AgentIdError('agent.signInNeeded');
    if (token.raw !== this.#token?.raw) {
      this.adopt(token);
      this.#on.changed();
    }
    return token;
  }

  /** The user whose token this is acts from now on; of another one nothing is left. */
  adopt(token: UserToken): void {
    const before = this.#token?.account;
    const { oid, tid } = token.account;
    this.#token = token;
    if (before && (before.oid !== oid || before.tid !== tid)) this.#end(new AgentIdError('cancelled'));
  }

  /** Nobody acts until somebody signs in. */
  forget(): void {
    this.#token = undefined;
    this.#end(new AgentIdError('agent.signInNeeded'));
  }

  /** True when the user who acts is no longer in the store, because they signed out in another window. */
  async hasLeft(): Promise<boolean> {
    const account = this.#token?.account;
    if (!account) return false;
    const known = await this.#signIn.accounts();
    return this.#token?.account === account && !known.some(({ id }) => id === account.id);
  }

  #end(reason: AgentIdError): void {
    this.#abort.abort(reason);
    this.#abort = new AbortController();
    this.#on.ended();
  }
}
