import * as v from 'valibot';
import { AgentIdError } from '../base/errors.ts';
import { parseJson } from '../identity/http.ts';
import { quote, readText } from './body.ts';
import type { GatewayError, GatewayErrorCode } from './errors.ts';

/** Who was asked, so that the same status can be given its right name. */
export interface Asked {
  /** The path at the gateway, for its errors; undefined when no gateway is on the way. */
  route?: string;
  /** Host of the endpoint, for the API-key mode. */
  host: string;
  deployment: string;
}

const fail = (code: GatewayErrorCode, args: Record<string, string | number> = {}): GatewayError =>
  new AgentIdError(code, args);

/**
 * The error for a non-2xx answer on the LLM route. AgentGateway answers for itself in text/plain and passes the
 * upstream's JSON errors through verbatim, so the body decides who spoke
 * (agentgateway v1.4.1 crates/agentgateway/src/proxy/mod.rs `into_response`).
 */
export async function translateLlmFailure(response: Response, asked: Asked): Promise<GatewayError> {
  const text = await readText(response);
  const json = parseJson(text);
  if (asked.route !== undefined && (json === undefined || isMcpChallenge(json)))
    return gatewayFailure(response, text, asked.route);
  return llmFailure(response, text, json, asked);
}

/** True for the body that `mcpAuthentication` gives with every 401. */
const isMcpChallenge = (json: unknown) =>
  v.is(v.object({ error: v.literal('unauthorized'), error_description: v.string() }), json);

/** AgentGateway's own answer, read from its status and text. Also used for the MCP route. */
export function gatewayFailure(response: Pick<Response, 'status' | 'headers'>, text: string, route: string) {
  const detail = quote(text);
  const { status, headers } = response;
  switch (status) {
    case 401:
      return unauthorized(text, route);
    case 403:
      if (/^authorization failed|external authorization/i.test(text)) return fail('gateway.forbidden', { route });
      return fail('gateway.guardrail', { detail });
    case 404:
      return /route not found/.test(text) ? fail('gateway.routeMissing', { route }) : other();
    case 413:
      return fail('gateway.requestTooLarge', { route });
    case 429:
      return fail('gateway.rateLimited', { route, resetSeconds: seconds(headers.get('x-ratelimit-reset')) });
    case 400:
    case 415:
      return fail('gateway.requestRejected', { route, detail });
    case 502:
      return fail('gateway.upstreamUnreachable', { route, detail });
    case 503:
      if (/too large|length limit|exceed/i.test(text)) return fail('gateway.requestTooLarge', { route });
      if (/^processing failed|failed to process/i.test(text)) return fail('gateway.requestRejected', { route, detail });
      return fail('gateway.upstreamUnreachable', { route, detail });
    case 504:
      return fail('gateway.upstreamTimeout', { route, detail });
    default:
      return other();
  }

  function other() {
    return fail('gateway.unexpected', { route, status, detail });
  }
}

/** True for a refusal by the gateway that a new token may mend; another audience or issuer it would not. */
export function newTokenMayHelp(error: unknown): boolean {
  const codes: GatewayErrorCode[] = ['gateway.tokenExpired', 'gateway.signatureRejected', 'gateway.tokenRejected'];
  return AgentIdError.is(error) && codes.some(code => code === error.code);
}

/** The reasons of agentgateway's `TokenError`; `Error(X)` is the debug form of the jsonwebtoken crate's error kind. */
function unauthorized(text: string, route: string): GatewayError {
  if (/no bearer token found/.test(text)) return fail('gateway.tokenMissing', { route });
  if (/ExpiredSignature/.test(text)) return fail('gateway.tokenExpired', { route });
  if (/InvalidAudience/.test(text)) return fail('gateway.audienceRejected', { route });
  if (/InvalidIssuer/.test(text)) return fail('gateway.issuerRejected', { route });
  if (/unknown key|InvalidSignature|does not specify a `kid`/.test(text))
    return fail('gateway.signatureRejected', { route, detail: quote(text) });
  return fail('gateway.tokenRejected', { route, detail: quote(text) });
}

/** What OpenAI and Azure OpenAI put around a reason; either level may lack any of it. */
const LlmErrorBody = v.object({
  message: v.fallback(v.string(), ''),
  error: v.fallback(
    v.union([
      v.string(),
      v.object({
        message: v.fallback(v.string(), ''),
        code: v.fallback(v.union([v.string(), v.number()]), ''),
        innererror: v.fallback(v.object({ content_filter_result: v.fallback(v.record(v.string(), v.unknown()), {}) }), {
          content_filter_result: {},
        }),
      }),
    ]),
    '',
  ),
});

function llmFailure(response: Response, text: string, json: unknown, asked: Asked): GatewayError {
  const { status, headers } = response;
  const body = v.safeParse(LlmErrorBody, json);
  const error = body.success ? body.output.error || body.output.message : '';
  const reason =
    typeof error === 'string'
      ? { message: error, code: '', filter: {} }
      : {
          message: error.message,
          code: String(error.code),
          filter: error.innererror.content_filter_result,
        };
  const detail = quote(reason.message || text || response.statusText);
  if (reason.code === 'content_filter' || reason.code === 'ResponsibleAIPolicyViolation')
    return fail('llm.contentFiltered', { categories: filtered(reason.filter) });
  if (reason.code === 'context_length_exceeded') return fail('llm.contextTooLong', { detail });
  if (reason.code === 'DeploymentNotFound' || reason.code === 'model_not_found')
    return fail('llm.deploymentMissing', { deployment: asked.deployment });
  switch (status) {
    case 401:
      return asked.route === undefined
        ? fail('llm.keyRejected', { host: asked.host })
        : fail('llm.tokenRejected', { detail });
    case 403:
      return fail('llm.forbidden', { detail });
    case 404:
      return fail('llm.notFound', { detail });
    case 429:
      return fail('llm.rateLimited', { retryAfterSeconds: retryAfter(headers), detail });
    default:
      return status >= 500
        ? fail('llm.unavailable', { status, detail })
        : fail('llm.requestRejected', { status, detail });
  }
}

/** The categories that Azure marks as filtered, for example "hate, violence". */
function filtered(result: Record<string, unknown>): string {
  const names = Object.entries(result)
    .filter(([, value]) => v.is(v.object({ filtered: v.literal(true) }), value))
    .map(([name]) => quote(name));
  return names.slice(0, 10).join(', ');
}

/** Seconds to wait by `retry-after-ms` or `Retry-After` (delta or date, RFC 9110 §10.2.3); 0 when neither is said. */
export function retryAfter(headers: Headers, now = Date.now()): number {
  const milliseconds = Number(headers.get('retry-after-ms') ?? NaN);
  if (milliseconds >= 0) return Math.ceil(milliseconds / 1000);
  const value = headers.get('retry-after');
  if (value === null) return 0;
  if (/^\d+$/.test(value.trim())) return seconds(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, Math.ceil((date - now) / 1000));
}

function seconds(value: string | null): number {
  const number = Number(value ?? 0);
  return Number.isFinite(number) && number > 0 ? Math.ceil(number) : 0;
}
