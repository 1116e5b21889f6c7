import type { Connection } from '../agent/connection.ts';
import type { Session } from '../agent/session.ts';
import { AgentIdError } from '../base/errors.ts';
import { clip, LIMITS, type ActionId, type Failure } from '../protocol/common.ts';
import type { ChatController } from './chatController.ts';
import { runningStep } from './mode.ts';
import { SIGN_IN_WAYS } from './signInWays.ts';

/** What is missing for the next message; an error is that of the sign-in which failed. */
type Missing = 'agent.signInNeeded' | 'agent.notConnected' | AgentIdError | undefined;

const KEY = 'state';
const TOOLS_KEY = 'tools';

const SIGN_INS: readonly ActionId[] = [
  'agentId.signIn',
  'agentId.forceSignIn',
  ...SIGN_IN_WAYS.map(way => way.command),
];

export interface NoticeWords {
  say(error: unknown): Failure;
  /** Why the agent has none of the gateway’s tools, where the gateway lists none for it. */
  withoutTools(): Failure | undefined;
}

/**
 * The rows of the chat that say what is missing for the next message, with the buttons that help: a sign-in, or under a
 * conversation that has lost its connection, one of the ways to begin (an empty chat offers those by itself); and that
 * the agent will answer without tools, before it does.
 */
export class ConnectionNotice {
  readonly #session: Session;
  readonly #chat: ChatController;
  readonly #words: NoticeWords;
  #shown: Missing;
  #toolless: string | undefined;

  constructor(session: Session, chat: ChatController, words: NoticeWords) {
    this.#session = session;
    this.#chat = chat;
    this.#words = words;
  }

  /** After any change of the session, and of what the chat asks. */
  update(): void {
    if (this.#session.mode === 'disconnected') this.#chat.clearNotice('connection'); // what it said is over
    this.#updateTools();
    const missing = this.#missing();
    if (missing === this.#shown) return;
    if (this.#shown) this.#chat.clearNotice(KEY);
    this.#shown = missing;
    if (missing) this.#chat.notice('info', this.#sayMissing(missing), KEY);
  }

  /** A sign-in that failed is told with why, until the next one. */
  #sayMissing(missing: NonNullable<Missing>): Failure {
    if (typeof missing === 'string') return this.#words.say(new AgentIdError(missing));
    const needed = this.#words.say(new AgentIdError('agent.signInNeeded'));
    const failed = this.#words.say(missing);
    const actions = failed.actions.some(({ id }) => SIGN_INS.includes(id))
      ? failed.actions
      : [...needed.actions, ...failed.actions].slice(0, LIMITS.actions);
    return { ...failed, sentence: clip(`${needed.sentence} ${failed.sentence}`, LIMITS.sentence), actions };
  }

  /** The conversation was emptied, and the row with it. */
  emptied(): void {
    this.#shown = undefined;
    this.#toolless = undefined;
    this.update();
  }

  #updateTools(): void {
    const signedIn = this.#session.connection?.account && !runningStep(this.#session);
    const failure = signedIn ? this.#words.withoutTools() : undefined;
    if (failure?.sentence === this.#toolless) return;
    if (this.#toolless !== undefined) this.#chat.clearNotice(TOOLS_KEY);
    this.#toolless = failure?.sentence;
    if (failure) this.#chat.notice('warning', failure, TOOLS_KEY);
  }

  /** Nothing while a turn asks for it in place. */
  #missing(): Missing {
    const { mode, connection } = this.#session;
    if (this.#chat.asking) return undefined;
    switch (mode) {
      case 'disconnected':
        return this.#chat.empty ? undefined : 'agent.notConnected';
      case 'sandbox':
      case 'connected':
        return connection?.account || runningStep(this.#session) ? undefined : failedSignIn(connection);
      case 'connecting':
      case 'apiKey':
        return undefined;
    }
  }
}

/** With the error of the sign-in that failed last, where one did: only that says what to do now. */
function failedSignIn(connection: Connection | undefined): Missing {
  const state = connection?.step('signIn');
  const error = state?.kind === 'failed' ? state.error : undefined;
  return AgentIdError.is(error) && error.code !== 'agent.signInNeeded' ? error : 'agent.signInNeeded';
}
