import type { Session } from '../agent/session.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Failure } from '../protocol/common.ts';
import type { ChatController } from './chatController.ts';
import { runningStep } from './mode.ts';

const KEY = 'state';

/**
 * The row of the chat that says what is missing for the next message, with the buttons that help: a sign-in, or under a
 * conversation that has lost its connection, one of the ways to begin (an empty chat offers those by itself).
 */
export class ConnectionNotice {
  readonly #session: Session;
  readonly #chat: ChatController;
  readonly #say: (error: unknown) => Failure;
  #shown: 'agent.signInNeeded' | 'agent.notConnected' | undefined;

  constructor(session: Session, chat: ChatController, say: (error: unknown) => Failure) {
    this.#session = session;
    this.#chat = chat;
    this.#say = say;
  }

  /** After any change of the session, and of what the chat asks. */
  update(): void {
    if (this.#session.mode === 'disconnected') this.#chat.clearNotice('connection'); // what it said is over
    const missing = this.#missing();
    if (missing === this.#shown) return;
    if (this.#shown) this.#chat.clearNotice(KEY);
    this.#shown = missing;
    if (missing) this.#chat.notice('info', this.#say(new AgentIdError(missing)), KEY);
  }

  /** The conversation was emptied, and the row with it. */
  emptied(): void {
    this.#shown = undefined;
    this.update();
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
