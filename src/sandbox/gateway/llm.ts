import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import * as v from 'valibot';
import { GatewayError, processingFailed } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { AiSpec, RoutePolicies } from './schema.ts';
import { callUpstream, endToEnd, readAll } from './upstream.ts';

type RouteType = 'completions' | 'passthrough' | 'models';

/** What a chat completion must have to be read as one (`types::completions::Request`, crates/llm). */
const completion = v.looseObject({
  messages: v.array(v.looseObject({})),
  model: v.optional(v.string()),
  stream: v.optional(v.boolean()),
  stream_options: v.optional(v.looseObject({})),
  max_tokens: v.optional(v.number()),
  max_completion_tokens: v.optional(v.number()),
});

/** A route to a model behind an OpenAI-shaped API. */
export class LlmBackend {
  readonly #spec: AiSpec;
  readonly #policies: RoutePolicies;
  readonly #maxBuffer: number;
  /** Suffixes, the longest first; `*` is what none matches. */
  readonly #routes: [string, RouteType][];

  constructor(spec: AiSpec, policies: RoutePolicies, maxBuffer: number) {
    this.#spec = spec;
    this.#policies = policies;
    this.#maxBuffer = maxBuffer;
    this.#routes = Object.entries(policies.ai?.routes ?? {}).sort(([a], [b]) => b.length - a.length);
  }

  /** Serves one request whose path is already rewritten. Throws GatewayError for what the gateway itself refuses. */
  async serve(exchange: Exchange): Promise<void> {
    exchange.log.protocol = 'llm';
    exchange.log.endpoint = this.#spec.hostOverride;
    const type = this.#type(exchange.path);
    if (type === 'models') {
      const body = JSON.stringify({ error: "Route 'Models' not implemented" });
      throw new GatewayError('DirectResponse', 501, { 'content-type': 'application/json' }, body);
    }
    const received = await readAll(exchange.request, this.#maxBuffer).catch(() => {
      throw processingFailed('request was too large');
    });
    const { body, streaming } =
      type === 'completions' ? this.#completion(received, exchange) : { body: received, streaming: false };

    const headers = endToEnd(exchange.headers);
    delete headers['content-length'];
    if (this.#policies.backendAuth && exchange.token !== undefined) headers.authorization = `Bearer ${exchange.token}`;
    const scheme = this.#policies.backendTLS ? 'https' : 'http';
    const answer = await callUpstream({
      url: new URL(`${scheme}://${this.#spec.hostOverride}${exchange.path}${exchange.query}`),
      method: exchange.method,
      headers,
      ...(exchange.method !== 'GET' && exchange.method !== 'HEAD' && { body }),
      signal: exchange.signal,
    });
    await this.#relay(answer, exchange, type, streaming);
  }

  #type(path: string): RouteType {
    const found = this.#routes.find(([suffix]) => suffix !== '*' && path.endsWith(suffix));
    return found?.[1] ?? this.#routes.find(([suffix]) => suffix === '*')?.[1] ?? 'completions';
  }

  /** The body as it goes on: the provider's model wins, and a stream always reports its usage. */
  #completion(received: Buffer, exchange: Exchange): { body: Buffer; streaming: boolean } {
    const value = parseJson(received);
    const { model: override } = this.#spec.provider.openAI;
    if (override !== undefined && typeof value === 'object' && value !== null)
      Object.assign(value, { model: override });
    const result = v.safeParse(completion, value);
    if (!result.success) throw processingFailed(`failed to parse request: ${shapeFault(value, result.issues[0])}`);
    const request = result.output;
    if (request.model === undefined) throw processingFailed('missing field: model not specified');
    const streaming = request.stream === true;
    exchange.log.llm = { requestModel: request.model, streaming };
    if (streaming && request.stream_options === undefined) request.stream_options = { include_usage: true };
    if (request.model.startsWith('gpt-') && request.max_tokens !== undefined) {
      request.max_completion_tokens ??= request.max_tokens;
      delete request.max_tokens;
    }
    return { body: Buffer.from(JSON.stringify(request)), streaming };
  }

  /** A stream goes through chunk by chunk; anything else whole, and an upstream's refusal exactly as it came. */
  async #relay(answer: IncomingMessage, exchange: Exchange, type: RouteType, streaming: boolean): Promise<void> {
    const status = answer.statusCode ?? 502;
    const ok = status >= 200 && status < 300;
    const headers = endToEnd(answer.headers);
    if (type === 'completions' && !(ok && streaming)) {
      const body = await readAll(answer, this.#maxBuffer).catch(() => {
        throw processingFailed('response was too large');
      });
      if (ok && answer.headers['content-encoding'] === undefined) {
        try {
          JSON.parse(body.toString('utf8'));
        } catch {
          throw processingFailed(`failed to parse response: ${syntaxFault(body.toString('utf8'))}`);
        }
      }
      exchange.reply(status, headers, body);
      return;
    }
    delete headers['content-length'];
    if (ok && streaming) headers['content-type'] = 'text/event-stream';
    exchange.head(status, headers).flushHeaders();
    await pipeline(answer, exchange.response);
  }
}

function parseJson(body: Buffer): unknown {
  const text = body.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw processingFailed(`failed to parse request: ${syntaxFault(text)}`);
  }
}

/** A syntax error in serde_json's words. The position is only that of the end, or of the first character. */
export function syntaxFault(text: string): string {
  const lines = text.split('\n');
  const end = `line ${lines.length} column ${lines.at(-1)?.length ?? 0}`;
  return /^\s*(?:[[{"].*)?$/s.test(text) ? `EOF while parsing a value at ${end}` : 'expected value at line 1 column 1';
}

function shapeFault(value: unknown, issue: v.BaseIssue<unknown>): string {
  const field = issue.path?.[0]?.key;
  const missing = typeof value === 'object' && value !== null && typeof field === 'string' && !(field in value);
  return missing ? `missing field \`${field}\`` : `invalid type${typeof field === 'string' ? ` in \`${field}\`` : ''}`;
}
