import { AgentIdError } from '../base/errors.ts';
import type { Account, SignIn, UserToken } from '../identity/signIn.ts';
import { needsPerson, type Recovery } from './recovery.ts';

/** What an interactive sign-in is for, where that is known. */
export interface SignInRequest {
  /** JSON text of the claims challenge that it answers. */
  claims?: string;
  /** Who should sign in; a hint, the person may choose somebody else. */
  account?: Account;
  /** A sign-in that is at hand does not do. */
  anew?: boolean;
}

/** Asks the person to sign in; resolves with the token, rejects with what went wrong or when the person cancels. */
export type InteractiveSignIn = (signIn: SignIn, signal: AbortSignal, request?: SignInRequest) => Promise<UserToken>;

/** The sign-ins of a connection that may need the person. */
export class PersonSignIn {
  readonly #signIn: SignIn;
  readonly #recovery: Recovery;
  #asked = 0;

  constructor(signIn: SignIn, recovery: Recovery) {
    this.#signIn = signIn;
    this.#recovery = recovery;
  }

  /** The person is at a sign-in. */
  get busy(): boolean {
    return this.#asked > 0;
  }

  /**
   * The sign-in that is at hand, else one that the person is `asked` for. Without `interactive` a missing one is
   * `agent.signInNeeded`.
   */
  async atHandOr(
    interactive: InteractiveSignIn | undefined,
    account: Account | undefined,
    signal: AbortSignal,
  ): Promise<{ token: UserToken; asked: boolean }> {
    const silent = await this.#signIn.silent({ signal }).catch((error: unknown) => {
      if (!interactive || !needsPerson(error)) throw error;
      this.#recovery.note(error); // who is here, and asked for it
    });
    if (silent) return { token: silent, asked: false };
    if (!interactive) throw new AgentIdError('agent.signInNeeded');
    return { token: await this.ask(interactive, account ? { account } : {}, signal), asked: true };
  }

  /** Has the person sign in, with the claims challenge that Entra gave last. */
  async ask(
    interactive: InteractiveSignIn,
    request: Omit<SignInRequest, 'claims'>,
    signal: AbortSignal,
  ): Promise<UserToken> {
    const { claims } = this.#recovery;
    this.#asked++;
    try {
      const token = await interactive(this.#signIn, signal, { ...request, ...(claims && { claims }) });
      signal.throwIfAborted();
      this.#recovery.signedIn();
      return token;
    } finally {
      this.#asked--;
    }
  }
}
