import { AgentIdError, isCancellation } from '../base/errors.ts';
import type { ApprovalAnswer, ApprovalRequest } from '../agent/approvals.ts';
import type { ToolCallState } from '../agent/toolCall.ts';
import type { Turns } from '../agent/turns.ts';
import type { TurnObserver } from '../agent/turn.ts';
import { clip, LIMITS, type Failure, type Mode } from '../protocol/common.ts';
import {
  emptyChat,
  type ChatOperation,
  type ChatState,
  type FromChat,
  type NoticeItem,
  type ToolItem,
} from '../protocol/chat.ts';
import { applyToChat } from '../protocol/chatState.ts';
import { Feed } from './feed.ts';

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
  #turn: { abort: AbortController; observer: Observer } | undefined;
  #turnNumber = 0;
  #itemNumber = 0;

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
    const observer = new Observer(this, ++this.#turnNumber, this.#deps);
    const turn = (this.#turn = { abort: new AbortController(), observer });
    const { signal } = turn.abort;
    this.feed.change(
      { op: 'add', item: { kind: 'user', id: this.#nextId('u'), text: clip(text, LIMITS.userText) } },
      { op: 'busy', busy: true },
    );
    try {
      await this.#deps.turns().run(text, observer, signal);
    } catch (error) {
      if (!signal.aborted && !isCancellation(error)) {
        this.#deps.log(error);
        this.notice('error', this.#deps.say(error));
      }
    } finally {
      observer.close();
      if (this.#turn === turn) {
        this.#turn = undefined;
        this.feed.change({ op: 'busy', busy: false });
      }
    }
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

const toolItemId = (turn: number, callId: string) => clip(`t${turn}:${callId}`, LIMITS.id);

/** One turn's events as items. After `close` (the conversation was cleared, the turn ended) it writes no more. */
class Observer implements TurnObserver {
  readonly #chat: ChatController;
  readonly #turn: number;
  readonly #deps: ChatControllerDeps;
  readonly #startedAt = new Map<string, number>();
  #answer: string | undefined;
  #closed = false;

  constructor(chat: ChatController, turn: number, deps: ChatControllerDeps) {
    this.#chat = chat;
    this.#turn = turn;
    this.#deps = deps;
  }

  answerStarted(): void {
    this.#answer = undefined;
  }

  answerText(delta: string): void {
    if (this.#closed) return;
    this.#answer ??= this.#chat.addAnswer();
    if (!this.#has(this.#answer)) return;
    this.#chat.feed.change({ op: 'append', id: this.#answer, text: clip(delta, LIMITS.assistantText) });
  }

  answerEnded(status: 'done' | 'stopped' | 'failed'): void {
    const item = this.#chat.feed.state.items.find(candidate => candidate.id === this.#answer);
    if (item?.kind === 'assistant') this.#chat.feed.change({ op: 'update', item: { ...item, status } });
    this.#answer = undefined;
  }

  toolChanged(state: ToolCallState): void {
    if (this.#closed) return;
    const id = toolItemId(this.#turn, state.callId);
    const isNew = !this.#startedAt.has(id);
    // the wait for the person is not the tool's time
    if (isNew || state.status === 'running') this.#startedAt.set(id, performance.now());
    const item = this.#toolItem(id, state);
    if (this.#has(id)) this.#chat.feed.change({ op: 'update', item });
    else if (isNew) this.#chat.feed.change({ op: 'add', item });
  }

  close(): void {
    this.answerEnded('stopped');
    this.#closed = true;
  }

  #has(id: string): boolean {
    return this.#chat.feed.state.items.some(item => item.id === id);
  }

  #toolItem(id: string, state: ToolCallState): ToolItem {
    const { resolved, status, error } = state;
    const ended = status === 'done' || status === 'error' || status === 'denied';
    const target = resolved?.target;
    const failure = this.#deps.sayDenial(state) ?? (error === undefined ? undefined : this.#deps.say(error));
    const direct = resolved?.server.spec.kind === 'direct';
    const identity = state.identity ? this.#deps.sayIdentity(state.identity) : direct ? this.#deps.sayDirect() : '';
    return {
      kind: 'tool',
      id,
      callId: id,
      name: clip(resolved?.ownName ?? state.modelName, LIMITS.line),
      server: clip(resolved?.server.spec.label ?? '—', LIMITS.line),
      ...(target && { target: clip(target, LIMITS.line) }),
      arguments: this.#readable(state.arguments),
      status,
      ...(state.result !== undefined && { result: clip(state.result, LIMITS.toolResult) }),
      ...(failure && { failure }),
      ...(identity && { identity: clip(identity, LIMITS.line) }),
      ...(leavesReceipt(state) && { receipt: { id: clip(state.callId, LIMITS.id), traceparent: state.traceparent } }),
      ...(ended && { durationMs: performance.now() - (this.#startedAt.get(id) ?? performance.now()) }),
    };
  }

  /** Arguments as the person approves them; what does not fit is said first, where it is seen without scrolling. */
  #readable(json: string): string {
    const text = json.length > LIMITS.toolArguments ? json : pretty(json);
    if (text.length <= LIMITS.toolArguments) return text;
    const shown = LIMITS.toolArguments - LIMITS.line;
    return `${clip(this.#deps.sayCut(shown, text.length), LIMITS.line - 2)}\n\n${clip(text, shown)}`;
  }
}

/** JSON as a person reads it: on one line where that is short, so that a card and its buttons fit into a low view. */
function pretty(json: string): string {
  try {
    const text = JSON.stringify(JSON.parse(json), undefined, 2);
    const line = text.replace(/\n */g, ' '); // no string of JSON holds a line end
    return line.length <= 60 ? line : text;
  } catch {
    return json;
  }
}

/** A call that never got as far as being asked for leaves none. */
function leavesReceipt({ status, error }: ToolCallState): boolean {
  const refused = AgentIdError.is(error, 'agent.noSuchTool') || AgentIdError.is(error, 'agent.badArguments');
  return status !== 'waiting' && !refused;
}
