import type { ToolCallState } from '../agent/toolCall.ts';
import type { TurnObserver } from '../agent/turn.ts';
import type { ToolItem } from '../protocol/chat.ts';
import { clip, LIMITS } from '../protocol/common.ts';
import type { ChatController, ChatControllerDeps } from './chatController.ts';

/** The row of a call: a model may number its calls anew in each turn. */
export const toolItemId = (turn: number, callId: string) => clip(`t${turn}:${callId}`, LIMITS.id);

/** One turn's events as items. After `close` (the conversation was cleared, the turn ended) it writes no more. */
export class TurnRows implements TurnObserver {
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
      ...(status !== 'waiting' && { receipt: { id: clip(state.callId, LIMITS.id), traceparent: state.traceparent } }),
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
