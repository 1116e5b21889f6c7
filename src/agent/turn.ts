import { AgentIdError, isCancellation } from '../base/errors.ts';
import type { ChatModel, ToolSpec } from '../gateway/llm.ts';
import type { Conversation, RequestedCall } from './conversation.ts';
import { runToolCall, type ToolCallDeps } from './toolCall.ts';
import { newTraceId, traceparent } from './trace.ts';

/** Rounds of model and tools in one turn, after which it stops: a model that loops costs money and patience. */
export const MAX_STEPS = 16;

/** What the views hear while a turn runs. */
export interface TurnObserver {
  answerStarted(): void;
  answerText(delta: string): void;
  answerEnded(status: 'done' | 'stopped' | 'failed'): void;
}

export interface TurnOptions extends ToolCallDeps {
  model: ChatModel;
  conversation: Conversation;
  systemPrompt: string;
  /** Asked before each round, because a tool list may change in the middle of a turn. */
  tools(): ToolSpec[];
  observer: TurnObserver;
  /** Ids of all calls of this conversation; results and cards are found by them. */
  usedIds: Set<string>;
  signal: AbortSignal;
}

export type TurnOutcome = 'done' | 'stopped';

/**
 * One turn: the model answers and asks for tools, round after round, until it asks for none. Calls of one round run side
 * by side. Throws what the model call threw, `agent.stepLimit`, `agent.answerCut` or `agent.contentFiltered`; the
 * conversation stays valid after every end.
 */
export async function runTurn(text: string, options: TurnOptions): Promise<TurnOutcome> {
  const { conversation, signal } = options;
  const traceId = newTraceId();
  conversation.addUser(text);
  for (let step = 0; step < MAX_STEPS; step++) {
    const calls = await answer(options, traceId);
    if (calls === 'stopped') return 'stopped';
    if (calls.length === 0) return 'done';
    const results = await Promise.all(calls.map(call => runToolCall(call, traceId, options, signal)));
    calls.forEach((call, index) => conversation.addToolResult(call.id, results[index] ?? ''));
    if (signal.aborted) return 'stopped';
  }
  throw new AgentIdError('agent.stepLimit', { steps: MAX_STEPS });
}

/** Streams one answer into the conversation; its tool calls, or `stopped`. */
async function answer(options: TurnOptions, traceId: string): Promise<RequestedCall[] | 'stopped'> {
  const { conversation, observer, signal } = options;
  const calls: RequestedCall[] = [];
  let text = '';
  let finishReason = '';
  observer.answerStarted();
  try {
    const events = options.model.stream({
      messages: conversation.messages(options.systemPrompt),
      tools: options.tools(),
      signal,
      traceparent: traceparent(traceId),
    });
    for await (const event of events) {
      if (event.type === 'text') {
        text += event.text;
        observer.answerText(event.text);
      } else if (event.type === 'toolCall') {
        calls.push({ id: unused(event.id, options.usedIds), name: event.name, arguments: event.arguments });
      } else finishReason = event.finishReason;
    }
    signal.throwIfAborted();
  } catch (error) {
    conversation.addAssistant(text, []); // what was said stays; calls that never ran do not
    const stopped = signal.aborted || isCancellation(error);
    observer.answerEnded(stopped ? 'stopped' : 'failed');
    if (stopped) return 'stopped';
    throw error;
  }
  conversation.addAssistant(text, calls);
  observer.answerEnded('done');
  if (calls.length === 0 && finishReason === 'length') throw new AgentIdError('agent.answerCut');
  if (finishReason === 'content_filter') throw new AgentIdError('agent.contentFiltered');
  return calls;
}

/**
 * A model may number its calls anew in each answer, or twice in one; ours have an id of their own, which goes back to the
 * model in place of its own. Azure OpenAI takes no id above 40 characters.
 */
function unused(wanted: string, used: Set<string>): string {
  const base = wanted.slice(0, 32) || 'call';
  let id = base;
  for (let number = 2; used.has(id); number++) id = `${base}-${number}`;
  used.add(id);
  return id;
}
