import type {
  ChatCompletionMessageParam,
  ChatCompletionCreateParamsStreaming,
} from 'openai/resources/chat/completions';
import type { OpenAI } from 'openai';
import { AgentIdError, describe } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import { quote } from './body.ts';
import type { ChatMessage, ChatRequest, ModelEvent } from './chat.ts';
import { readChatStream } from './stream.ts';
import { translateLlmFailure, type Asked } from './translate.ts';

/** Until the first byte of an answer, in milliseconds: long, because reasoning models think before they speak. */
const FIRST_BYTE_TIMEOUT = 5 * 60_000;

/** Azure OpenAI refuses a whole request for one longer description of a tool, or for one other name in its history. */
const MAX_DESCRIPTION = 1024;
const MAX_NAME = 64;

/**
 * The request headers that leave: nothing else of what the SDK (telemetry) or the environment
 * (`OPENAI_CUSTOM_HEADERS`) adds, since the gateway forwards what it gets.
 */
const HEADERS = ['accept', 'content-type', 'authorization', 'api-key', 'traceparent'];

/**
 * Options for an SDK client that keeps to our rules: no retries (they belong to the turn), no logging, no redirects (a
 * key must not follow one), nothing taken from OPENAI_* variables. The fetch reports a failed answer to `failed`,
 * because the SDK would wrap it.
 */
export function clientOptions(options: { fetch: Fetch; asked: Asked; failed(error: Error): void }) {
  return {
    maxRetries: 0,
    timeout: FIRST_BYTE_TIMEOUT,
    logLevel: 'off' as const,
    organization: null,
    project: null,
    adminAPIKey: null,
    fetch: async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
      const given = new Headers(init?.headers);
      const headers = new Headers(HEADERS.flatMap(name => (given.has(name) ? [[name, given.get(name)!]] : [])));
      let response;
      try {
        response = await options.fetch(url, { ...init, headers, redirect: 'manual' });
      } catch (error) {
        if (error instanceof AgentIdError) options.failed(error);
        throw error;
      }
      if (response.ok) return response;
      const failure = await translateLlmFailure(response, options.asked);
      options.failed(failure);
      throw failure;
    },
  };
}

/** What makes an SDK client for one request; the fetch it gets reports failures. */
export type ClientFactory = (options: ReturnType<typeof clientOptions>) => OpenAI | Promise<OpenAI>;

/**
 * Asks for one streamed completion. Throws the signal's reason when aborted, a `GatewayErrorCode` for what the server
 * or the stream did, and whatever the fetch threw when that is typed.
 */
export async function* streamCompletion(
  factory: ClientFactory,
  request: ChatRequest,
  deps: { fetch: Fetch; asked: Asked; logger: Logger },
): AsyncGenerator<ModelEvent> {
  const { signal } = request;
  const { asked } = deps;
  signal.throwIfAborted();
  let failure: Error | undefined;
  const started = Date.now();
  try {
    const client = await factory(clientOptions({ fetch: deps.fetch, asked, failed: error => void (failure = error) }));
    const stream = await client.chat.completions.create(body(asked.deployment, request), {
      signal,
      ...(request.traceparent && { headers: { traceparent: request.traceparent } }),
    });
    deps.logger.debug(`llm: ${asked.deployment} answers after ${Date.now() - started} ms`);
    try {
      yield* readChatStream(stream);
    } finally {
      stream.controller.abort(); // also when the consumer stops early: nothing is left streaming
    }
    signal.throwIfAborted(); // the SDK ends an aborted stream without an error
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw failure ?? (await classify(error, asked));
  }
}

function body(model: string, request: ChatRequest): ChatCompletionCreateParamsStreaming {
  return {
    model,
    messages: request.messages.map(toParam),
    stream: true,
    stream_options: { include_usage: true },
    ...(request.tools.length > 0 && {
      tools: request.tools.map(tool => ({
        type: 'function' as const,
        function: { ...tool, description: shorten(tool.description) },
      })),
    }),
  };
}

function toParam(message: ChatMessage): ChatCompletionMessageParam {
  const content = message.content.toWellFormed(); // a text that was cut may end in half a character
  if (message.role === 'tool') return { role: 'tool', tool_call_id: message.toolCallId, content };
  if (message.role !== 'assistant') return { role: message.role, content };
  if (!message.toolCalls?.length) return { role: 'assistant', content };
  return {
    role: 'assistant',
    content: content || null, // what OpenAI itself sends with a bare tool call
    tool_calls: message.toolCalls.map(call => ({
      id: call.id,
      type: 'function',
      function: { name: sendableName(call.name), arguments: call.arguments.toWellFormed() },
    })),
  };
}

/** Models make names up, such as `multi_tool_use.parallel`; sent back as it is, one would end the conversation for good. */
function sendableName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, MAX_NAME) || 'unnamed';
}

function shorten(description: string): string {
  const cut = description.length > MAX_DESCRIPTION ? `${description.slice(0, MAX_DESCRIPTION - 1)}…` : description;
  return cut.toWellFormed();
}

/** Names what the SDK threw after the answer began, or when there was none. */
async function classify(error: unknown, asked: Asked): Promise<Error> {
  if (error instanceof AgentIdError) return error;
  const { APIConnectionTimeoutError, APIConnectionError, APIError } = await import('openai');
  if (error instanceof APIConnectionTimeoutError)
    return new AgentIdError('llm.timeout', { seconds: FIRST_BYTE_TIMEOUT / 1000 }, { cause: error });
  if (error instanceof APIConnectionError) {
    const detail = quote(describe(error.cause ?? error));
    return new AgentIdError('llm.unreachable', { host: asked.host, detail }, { cause: error });
  }
  if (error instanceof APIError) {
    // An error event inside a stream that began with 200: the gateway's guard, or the model's host.
    const guarded = error.code === 'guardrail_intervention' || error.type === 'guardrail_blocked';
    const detail = quote(error.message);
    if (guarded) return new AgentIdError('gateway.guardrail', { detail }, { cause: error });
    if (error.code === 'content_filter') return new AgentIdError('llm.contentFiltered', { categories: '' });
    return new AgentIdError('llm.interrupted', { detail }, { cause: error });
  }
  const code = error instanceof SyntaxError ? 'llm.malformed' : 'llm.interrupted';
  return new AgentIdError(code, { detail: quote(describe(error)) }, { cause: error });
}
