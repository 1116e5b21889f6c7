import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import * as v from 'valibot';
import { AgentIdError } from '../base/errors.ts';
import { quote } from './body.ts';
import type { ModelEvent, ToolCall } from './chat.ts';

/** Characters of text and arguments in one answer; a model that writes more has gone astray. */
const MAX_ANSWER = 4_000_000;
/** OpenAI takes no more than 128 tools; an answer that calls more is broken. */
const MAX_TOOL_CALLS = 128;

const Chunk = v.object({
  choices: v.fallback(
    v.array(
      v.object({
        index: v.fallback(v.number(), 0),
        delta: v.fallback(
          v.object({
            content: v.fallback(v.string(), ''),
            refusal: v.fallback(v.string(), ''),
            tool_calls: v.fallback(
              v.array(
                v.object({
                  index: v.fallback(v.optional(v.number()), undefined),
                  id: v.fallback(v.string(), ''),
                  function: v.fallback(
                    v.object({ name: v.fallback(v.string(), ''), arguments: v.fallback(v.string(), '') }),
                    { name: '', arguments: '' },
                  ),
                }),
              ),
              [],
            ),
          }),
          { content: '', refusal: '', tool_calls: [] },
        ),
        finish_reason: v.fallback(v.string(), ''),
      }),
    ),
    [],
  ),
  usage: v.fallback(v.optional(v.object({ prompt_tokens: v.number(), completion_tokens: v.number() })), undefined),
});
type ToolDelta = v.InferOutput<typeof Chunk>['choices'][number]['delta']['tool_calls'][number];

/**
 * Turns the chunks of a streamed completion into events. Tool calls are held back until the model has finished: only
 * then is it certain that no further piece of any of them comes, since servers may interleave them. The chunk with
 * `usage` and no choices (`stream_options.include_usage`) is read after the finish.
 * Throws `llm.interrupted` for a stream that ends early, `llm.malformed`, `llm.answerTooLarge`.
 */
export async function* readChatStream(chunks: AsyncIterable<ChatCompletionChunk>): AsyncGenerator<ModelEvent> {
  const calls = new ToolCalls();
  let finishReason = '';
  let usage: { input: number; output: number } | undefined;
  let size = 0;
  for await (const raw of chunks) {
    const parsed = v.safeParse(Chunk, raw);
    if (!parsed.success) throw new AgentIdError('llm.malformed', { detail: quote(parsed.issues[0].message) });
    const chunk = parsed.output;
    if (chunk.usage) usage = { input: chunk.usage.prompt_tokens, output: chunk.usage.completion_tokens };
    const choice = chunk.choices.find(candidate => candidate.index === 0);
    if (!choice) continue;
    const text = choice.delta.content || choice.delta.refusal;
    size += text.length;
    for (const delta of choice.delta.tool_calls) size += calls.add(delta);
    if (size > MAX_ANSWER) throw new AgentIdError('llm.answerTooLarge');
    if (text) yield { type: 'text', text };
    finishReason = choice.finish_reason || finishReason;
  }
  if (!finishReason) throw new AgentIdError('llm.interrupted', { detail: '' });
  for (const call of calls.list()) yield { type: 'toolCall', ...call };
  yield { type: 'done', finishReason, ...(usage && { usage }) };
}

/** Puts tool calls together from their pieces, in the order in which the model began them. */
class ToolCalls {
  readonly #calls = new Map<number, ToolCall>();

  /** Returns the number of characters that the piece added. */
  add(delta: ToolDelta): number {
    // Some compatible servers leave out the index: then a new id, or nothing begun, starts a new call.
    const last = this.#calls.size - 1;
    const fresh = last < 0 || (delta.id !== '' && delta.id !== this.#calls.get(last)?.id);
    const index = delta.index ?? (fresh ? last + 1 : last);
    let call = this.#calls.get(index);
    if (!call) {
      if (this.#calls.size >= MAX_TOOL_CALLS) throw new AgentIdError('llm.answerTooLarge');
      call = { id: '', name: '', arguments: '' };
      this.#calls.set(index, call);
    }
    call.id ||= delta.id;
    call.name ||= delta.function.name;
    call.arguments += delta.function.arguments;
    return delta.function.name.length + delta.function.arguments.length;
  }

  list(): ToolCall[] {
    return [...this.#calls.entries()]
      .sort(([a], [b]) => a - b)
      .map(([index, call]) => ({
        id: call.id || `call_${index}`,
        name: call.name,
        arguments: call.arguments.trim() || '{}', // a call without arguments, spelled so that it can be sent back
      }));
  }
}
