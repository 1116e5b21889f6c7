import type { Session } from '../agent/session.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Failure } from '../protocol/common.ts';
import type { ChatController } from './chatController.ts';
import { runningStep } from './mode.ts';

const KEY = 'state';
const TOOLS_KEY = 'tools';

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
  #shown: 'agent.signInNeeded' | 'agent.notConnected' | undefined;
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
    if (missing) this.#chat.notice('info', this.#words.say(new AgentIdError(missing)), KEY);
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
  #missing(): 'agent.signInNeeded' | 'agent.notConnected' | undefined {
    const { mode, connection } = this.#session;
    if (this.#chat.asking) return undefined;
    switch (mode) {
      case 'disconnected':
        return this.#chat.empty ? undefined : 'agent.notConnected';
      case 'sandbox':
      case 'connected':
        return connection?.account || runningStep(this.#session) ? undefined : 'agent.signInNeeded';
      case 'connecting':
      case 'apiKey':
        return undefined;
    }
  }
}
