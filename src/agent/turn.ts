import { AgentIdError, isCancellation } from '../base/errors.ts';
import type { ChatModel, ToolSpec } from '../gateway/llm.ts';
import type { Conversation, RequestedCall } from './conversation.ts';
import { mended, runToolCall, type ToolCallDeps } from './toolCall.ts';
import { newTraceId, traceparent } from './trace.ts';

/** Rounds of model and tools in one turn, after which it stops: a model that loops costs money and patience. */
export const MAX_STEPS = 16;

/** Tools that a request may carry (OpenAI API reference, chat completions, `tools`: "a max of 128 functions"). */
const MAX_TOOLS = 128;

/** What the views hear while a turn runs. */
export interface TurnObserver {
  answerStarted(): void;
  answerText(delta: string): void;
  answerEnded(status: 'done' | 'stopped' | 'failed'): void;
}

export interface TurnOptions extends ToolCallDeps {
  /** Asked before each round: the token behind it must live long enough. */
  model(): Promise<ChatModel>;
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
 * by side. Without `text` a turn that failed goes on where it was: calls without a result are made, what is done is not
 * repeated. Throws what the model call threw, why no token could be had for a tool, `agent.stepLimit`, `agent.answerCut`,
 * `agent.contentFiltered` or `agent.tooManyTools`; the conversation stays valid after every end.
 */
export async function runTurn(text: string | undefined, options: TurnOptions): Promise<TurnOutcome> {
  const { conversation, signal } = options;
  const traceId = newTraceId();
  if (text === undefined) conversation.dropBrokenAnswer();
  else conversation.addUser(text);
  for (let step = 0; step < MAX_STEPS; step++) {
    const open = conversation.openCalls();
    const calls = open.length > 0 ? open : await answer(options, traceId);
    if (calls === 'stopped') return 'stopped';
    if (calls.length === 0) return 'done';
    const results = await Promise.allSettled(calls.map(call => runToolCall(call, traceId, options, signal)));
    calls.forEach((call, index) => {
      const result = results[index];
      if (result?.status === 'fulfilled') conversation.addToolResult(call.id, result.value);
    });
    if (signal.aborted) return 'stopped';
    const failed = results.find(result => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
  throw new AgentIdError('agent.stepLimit', { steps: MAX_STEPS });
}

/** Streams one answer into the conversation; its tool calls, or `stopped`. */
async function answer(options: TurnOptions, traceId: string): Promise<RequestedCall[] | 'stopped'> {
  const { conversation, observer, signal } = options;
  const calls: RequestedCall[] = [];
  let text = '';
  let finishReason = '';
  const ask = async () => {
    const tools = options.tools();
    if (tools.length > MAX_TOOLS)
      throw new AgentIdError('agent.tooManyTools', { tools: tools.length, limit: MAX_TOOLS });
    const model = await options.model();
    signal.throwIfAborted();
    const messages = conversation.messages(options.systemPrompt);
    for await (const event of model.stream({ messages, tools, signal, traceparent: traceparent(traceId) })) {
      if (event.type === 'text') {
        text += event.text;
        observer.answerText(event.text);
      } else if (event.type === 'toolCall') {
        calls.push({ id: unused(event.id, options.usedIds), name: event.name, arguments: event.arguments });
      } else finishReason = event.finishReason;
    }
    signal.throwIfAborted();
  };
  observer.answerStarted();
  try {
    await mended(ask, options); // a token that is missing is missed before anything of an answer has come
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
