import type { ConnectionPlan } from '../agent/configuration.ts';
import type { Connection } from '../agent/connection.ts';
import type { InteractiveSignIn } from '../agent/personSignIn.ts';
import type { Session } from '../agent/session.ts';
import { AgentIdError } from '../base/errors.ts';

export interface SignInCommandsDeps {
  session: Pick<Session, 'plan' | 'connection'>;
  /** In the way that worked last. */
  usual: InteractiveSignIn;
  /** Connects as the plan says, in place of what is on, and signs in like this. */
  connect(plan: ConnectionPlan, signIn: InteractiveSignIn): Promise<void>;
  /** Leads to a connection where there is none. */
  begin(): Promise<void>;
  /** Does something with the connection, in place of what is under way, and says how it ended. */
  use(work: (connection: Connection, signal: AbortSignal) => Promise<void>): Promise<void>;
}

/**
 * What the sign-in commands do. A sign-in would end a connect that is under way, so they wait for it; but not while it
 * is itself at the person: whoever asks for a sign-in then has lost sight of that question, or wants another way.
 */
export class SignInCommands {
  readonly #deps: SignInCommandsDeps;
  #connect: Connect | undefined;

  constructor(deps: SignInCommandsDeps) {
    this.#deps = deps;
  }

  /** Runs a connect; `work` gets the sign-in to hand on. */
  async follow<T>(
    signIn: InteractiveSignIn | undefined,
    work: (signIn: InteractiveSignIn | undefined) => Promise<T>,
  ): Promise<T> {
    const connect = (this.#connect = new Connect());
    try {
      return await work(signIn && ((...request) => connect.ask(() => signIn(...request))));
    } finally {
      connect.enter('over');
    }
  }

  /** Signs in where nobody is; connects first where there is no connection. */
  async signIn(): Promise<void> {
    const { session, usual } = this.#deps;
    const before = this.#connect?.state;
    const plan = await this.#planThatAsks();
    if (plan) return before === 'asking' ? this.#deps.connect(plan, usual) : undefined; // else it asks of itself now
    if (before === 'working' && session.connection?.account) return; // it has signed in itself
    if (!session.connection) return this.#deps.begin();
    return this.#deps.use((connection, signal) => connection.start(usual, signal));
  }

  /** Signs in like this although there may be a sign-in. Throws `agent.notConnected`. */
  async anew(signIn: InteractiveSignIn): Promise<void> {
    const plan = await this.#planThatAsks();
    if (plan) return this.#deps.connect(plan, signIn);
    if (!this.#deps.session.connection) throw new AgentIdError('agent.notConnected');
    return this.#deps.use((connection, signal) => connection.forceSignIn(signIn, signal));
  }

  /** Goes on with a sign-in that was made beside the connection, where it has none: the Doctor's. Asks nobody. */
  async takeUp(): Promise<void> {
    const { connection } = this.#deps.session;
    if (!connection || connection.account || (await this.#planThatAsks())) return;
    if (connection === this.#deps.session.connection && !connection.account)
      await this.#deps.use((same, signal) => same.start(undefined, signal));
  }

  /** Waits for the connect under way; its plan when it is at the person, undefined when it is over. */
  async #planThatAsks(): Promise<ConnectionPlan | undefined> {
    while (this.#connect?.state === 'working') await this.#connect.settled; // another may take its place meanwhile
    return this.#connect?.state === 'asking' ? this.#deps.session.plan : undefined;
  }
}

/** One connect, and whether it works, is at the person, or is over. */
class Connect {
  state: 'working' | 'asking' | 'over' = 'working';
  #gate = Promise.withResolvers<void>();

  /** Settles when it works no more. */
  get settled(): Promise<void> {
    return this.#gate.promise;
  }

  enter(state: Connect['state']): void {
    this.state = state;
    if (state === 'working') this.#gate = Promise.withResolvers();
    else this.#gate.resolve();
  }

  async ask<T>(question: () => Promise<T>): Promise<T> {
    this.enter('asking');
    try {
      return await question();
    } finally {
      this.enter('working');
    }
  }
}
