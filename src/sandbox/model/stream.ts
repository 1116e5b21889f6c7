import { createHash } from 'node:crypto';
import type { PlannedCall } from './plan.ts';
import type { ChatRequest } from './request.ts';

/** What the model has decided to say. */
export interface Reply {
  text: string;
  calls: PlannedCall[];
}

type Json = Record<string, unknown>;

/** Token counts are a guess at four characters each: enough to add up. */
function usageOf(request: ChatRequest, reply: Reply): Json {
  const tokens = (value: unknown) => Math.ceil(JSON.stringify(value).length / 4);
  const prompt = tokens(request.messages) + tokens(request.tools);
  const completion = tokens(reply.calls.length > 0 ? reply.calls : reply.text);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

/** The same conversation gets the same ids, and a longer one gets others. */
function idOf(request: ChatRequest, salt: string): string {
  return createHash('sha256')
    .update(`${JSON.stringify(request.messages)} ${salt}`)
    .digest('hex')
    .slice(0, 24);
}

const toolCalls = (request: ChatRequest, reply: Reply) =>
  reply.calls.map(({ name, arguments: text }, index) => ({
    id: `call_${idOf(request, String(index))}`,
    type: 'function',
    function: { name, arguments: text },
  }));

const finishReason = (reply: Reply) => (reply.calls.length > 0 ? 'tool_calls' : 'stop');

/** The answer in one piece. `created` in seconds since the epoch. */
export function completion(request: ChatRequest, reply: Reply, model: string, created: number): Json {
  const calls = toolCalls(request, reply);
  const message = {
    role: 'assistant',
    content: reply.text === '' ? null : reply.text,
    refusal: null,
    ...(calls.length > 0 && { tool_calls: calls }),
  };
  return {
    id: `chatcmpl-${idOf(request, 'completion')}`,
    object: 'chat.completion',
    created,
    model,
    choices: [{ index: 0, message, finish_reason: finishReason(reply), logprobs: null }],
    usage: usageOf(request, reply),
  };
}

/** The answer as the chunks of a stream, without the final `[DONE]`. An Azure stream begins with a chunk of its own. */
export function* chunks(
  request: ChatRequest,
  reply: Reply,
  model: string,
  created: number,
  azure: boolean,
): Generator<Json> {
  const reportsUsage = request.stream_options?.include_usage === true;
  const head = { id: `chatcmpl-${idOf(request, 'completion')}`, object: 'chat.completion.chunk', created, model };
  const chunk = (delta: Json, finish_reason: string | null = null) => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason, logprobs: null }],
    ...(reportsUsage && { usage: null }),
  });
  if (azure) {
    const results = [{ prompt_index: 0, content_filter_results: {} }];
    yield { id: '', object: '', created: 0, model: '', choices: [], prompt_filter_results: results };
  }
  yield chunk({ role: 'assistant', content: reply.calls.length > 0 ? null : '', refusal: null });
  for (const [piece] of reply.text.matchAll(/\s*\S+(?:\s+\S+)?\s*/g)) yield chunk({ content: piece });
  for (const [index, call] of toolCalls(request, reply).entries()) {
    const { arguments: text, name } = call.function;
    yield chunk({ tool_calls: [{ ...call, index, function: { name, arguments: '' } }] });
    for (const [piece] of text.matchAll(/.{1,12}/gs))
      yield chunk({ tool_calls: [{ index, function: { arguments: piece } }] });
  }
  yield chunk({}, finishReason(reply));
  if (reportsUsage) yield { ...head, choices: [], usage: usageOf(request, reply) };
}
