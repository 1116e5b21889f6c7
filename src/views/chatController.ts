import { AgentIdError, isCancellation } from '../base/errors.ts';
import type { Disposable } from '../base/disposable.ts';
import type { ApprovalAnswer, ApprovalRequest } from '../agent/approvals.ts';
import type { ToolCallState } from '../agent/toolCall.ts';
import type { Turns } from '../agent/turns.ts';
import { clip, LIMITS, type Failure, type Mode } from '../protocol/common.ts';
import {
  emptyChat,
  type ChatItem,
  type ChatOperation,
  type ChatState,
  type FromChat,
  type NoticeItem,
} from '../protocol/chat.ts';
import { applyToChat } from '../protocol/chatState.ts';
import { Feed } from './feed.ts';
import { toolItemId, TurnRows } from './turnRows.ts';

export interface ChatControllerDeps {
  turns(): Turns;
  /** Words for an error; see `messages.ts`. */
  say(error: unknown): Failure;
  log(error: unknown): void;
  /** Words for what the gateway's rules say of a tool. */
  sayDenial(state: ToolCallState): Failure | undefined;
  /** `as <agent> for <user>` */
  sayIdentity(identity: { user: string; agent: string }): string;
  /** What stands in its place for a server of the person's own. */
  sayDirect(): string;
  /** Stands before the arguments of a call when not all of them are shown: nobody approves what they can't see unawares. */
  sayCut(shown: number, all: number): string;
  /** Who acts now, as a sentence; undefined while nobody does. */
  sayActor(): string | undefined;
  /** Something waits for the person: bring the chat into view without taking the cursor. */
  attention(): void;
  copied(text: string): void;
  openLink(href: string): void;
  runAction(id: string): void;
}

/** The chat as the host keeps it: items, one running turn, calls that wait for an answer. Knows no editor. */
export class ChatController {
  readonly feed = new Feed<ChatState, ChatOperation>(emptyChat, applyToChat);
  readonly #deps: ChatControllerDeps;
  readonly #waiting = new Map<string, (answer: ApprovalAnswer) => void>();
  #turn: { abort: AbortController; observer: TurnRows } | undefined;
  #turnNumber = 0;
  #itemNumber = 0;
  #asking = 0;
  #actor: string | undefined;

  constructor(deps: ChatControllerDeps) {
    this.#deps = deps;
  }

  get busy(): boolean {
    return this.#turn !== undefined;
  }

  /** Nothing was said yet; notices do not count. */
  get empty(): boolean {
    return this.feed.state.items.every(item => item.kind === 'notice');
  }

  /** A turn waits for the person to sign in. */
  get asking(): boolean {
    return this.#asking > 0;
  }

  setMode(mode: Mode, prompts: string[]): void {
    this.feed.change({ op: 'mode', mode }, { op: 'prompts', prompts });
  }

  /** Shows a notice row; `key` replaces an earlier notice of the same kind, so that nothing is said twice. */
  notice(level: NoticeItem['level'], failure: Failure, key?: string): void {
    const id = key ? `n:${key}` : this.#nextId('n');
    if (this.feed.state.items.some(item => item.id === id)) this.feed.change({ op: 'remove', id });
    this.feed.change({ op: 'add', item: { kind: 'notice', id, level, failure } });
  }

  clearNotice(key: string): void {
    const id = `n:${key}`;
    if (this.feed.state.items.some(item => item.id === id)) this.feed.change({ op: 'remove', id });
  }

  handle(message: FromChat): void {
    switch (message.type) {
      case 'ready':
      case 'needSnapshot':
        return; // the view answers these with a snapshot
      case 'send':
        void this.send(message.text);
        return;
      case 'stop':
        this.stop();
        return;
      case 'approve': {
        const { callId, decision, reason } = message;
        const answer = this.#waiting.get(callId);
        this.#waiting.delete(callId);
        answer?.(decision === 'reject' ? { kind: 'reject', ...(reason && { reason }) } : { kind: decision });
        return;
      }
      case 'retry':
        if (this.feed.state.items.some(item => item.id === message.id && item.kind === 'notice' && item.retry))
          void this.retry();
        return;
      case 'runAction':
        this.#deps.runAction(message.id);
        return;
      case 'openLink':
        this.#deps.openLink(message.href);
        return;
      case 'copy':
        this.#deps.copied(message.text);
        return;
    }
  }

  stop(): void {
    this.#turn?.abort.abort();
  }

  /**
   * Empties the conversation, on screen and for the model; what was allowed for this session stays allowed. A turn that
   * runs is stopped, is heard of no more, and holds up no new one.
   */
  clear(): void {
    this.stop();
    this.#turn?.observer.close();
    this.#turn = undefined;
    this.#deps.turns().clear();
    const removals = this.feed.state.items.map((item): ChatOperation => ({ op: 'remove', id: item.id }));
    this.feed.change(...removals);
    if (this.feed.state.busy) this.feed.change({ op: 'busy', busy: false });
  }

  /** A new chat asks again for every tool. */
  newChat(): void {
    this.clear();
    this.#deps.turns().approvals.clear();
    this.feed.send({ type: 'focus' });
  }

  /** Runs a turn; a message that comes while one runs is ignored (the view offers Stop instead). */
  async send(text: string): Promise<void> {
    if (this.#turn) return;
    this.#endRetry();
    this.#markActor();
    this.#turnNumber++;
    const item: ChatItem = { kind: 'user', id: this.#nextId('u'), text: clip(text, LIMITS.userText) };
    await this.#run((observer, signal) => this.#deps.turns().run(text, observer, signal), { op: 'add', item });
  }

  /** Takes up the turn that failed last, in its own rows. */
  async retry(): Promise<void> {
    if (this.#turn) return;
    this.#endRetry();
    this.#markActor();
    await this.#run((observer, signal) => this.#deps.turns().retry(observer, signal));
  }

  async #run(
    work: (observer: TurnRows, signal: AbortSignal) => Promise<unknown>,
    ...first: ChatOperation[]
  ): Promise<void> {
    const observer = new TurnRows(this, this.#turnNumber, this.#deps);
    const turn = (this.#turn = { abort: new AbortController(), observer });
    const { signal } = turn.abort;
    this.feed.change(...first, { op: 'busy', busy: true });
    try {
      await work(observer, signal);
    } catch (error) {
      if (!signal.aborted && !isCancellation(error)) {
        this.#deps.log(error);
        const retry = leadsOn(error) ? {} : { retry: true as const };
        const item: NoticeItem = {
          kind: 'notice',
          id: this.#nextId('n'),
          level: 'error',
          failure: this.#deps.say(error),
          ...retry,
        };
        this.feed.change({ op: 'add', item });
      }
    } finally {
      observer.close();
      if (this.#turn === turn) {
        this.#turn = undefined;
        this.feed.change({ op: 'busy', busy: false });
      }
    }
  }

  /** Only the newest turn can be taken up: what was said of an older one stays, without the button; the newest goes. */
  #endRetry(): void {
    for (const item of this.feed.state.items)
      if (item.kind === 'notice' && item.retry) this.feed.change({ op: 'remove', id: item.id });
  }

  /** A mark where another agent, or another user, takes up a conversation. */
  #markActor(): void {
    const actor = this.#deps.sayActor();
    if (actor === undefined) return;
    const another = this.#actor !== undefined && actor !== this.#actor;
    this.#actor = actor;
    if (another && !this.empty) this.notice('info', { sentence: actor, actions: [] });
  }

  /** Puts the question for a sign-in below what was said; disposing takes it away. */
  askSignIn(failure: Failure): Disposable {
    const id = this.#nextId('q');
    this.#asking++;
    this.feed.change({ op: 'add', item: { kind: 'notice', id, level: 'warning', failure, asks: true } });
    this.#deps.attention();
    return {
      dispose: () => {
        this.#asking--;
        if (this.feed.state.items.some(item => item.id === id)) this.feed.change({ op: 'remove', id });
      },
    };
  }

  /** Waits for the person's answer on the card; rejects when the turn is stopped. */
  askApproval(request: ApprovalRequest, signal: AbortSignal): Promise<ApprovalAnswer> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const id = toolItemId(this.#turnNumber, request.callId);
    this.#deps.attention();
    return new Promise((resolve, reject) => {
      const stopped = () => {
        this.#waiting.delete(id);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', stopped, { once: true });
      this.#waiting.set(id, answer => {
        signal.removeEventListener('abort', stopped);
        resolve(answer);
      });
    });
  }

  addAnswer(): string {
    const id = this.#nextId('a');
    this.feed.change({ op: 'add', item: { kind: 'assistant', id, text: '', status: 'streaming' } });
    return id;
  }

  #nextId(prefix: string): string {
    return `${prefix}${++this.#itemNumber}`;
  }
}

/** Ends of a turn after which the person says what to do next: there is nothing to repeat. */
function leadsOn(error: unknown): boolean {
  return AgentIdError.is(error) && ['agent.stepLimit', 'agent.answerCut', 'agent.contentFiltered'].includes(error.code);
}
