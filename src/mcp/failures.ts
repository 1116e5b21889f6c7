import * as v from 'valibot';
import { AgentIdError, describe } from '../base/errors.ts';
import { quote } from '../gateway/body.ts';
import { gatewayFailure } from '../gateway/translate.ts';
import { parseJson } from '../identity/http.ts';
import type { McpErrorCode } from './errors.ts';
import type { ServerSpec } from './types.ts';

const RpcError = v.object({
  jsonrpc: v.literal('2.0'),
  error: v.object({ code: v.number(), message: v.fallback(v.string(), '') }),
});

const INVALID_PARAMS = -32602;

/** A request that failed, as far as the failure's name depends on it. */
export interface FailedRequest {
  spec: ServerSpec;
  /** JSON-RPC method. */
  method: string;
  /** It carried a session id. */
  session: boolean;
}

/**
 * The error for a non-2xx answer to a JSON-RPC request. AgentGateway reports JSON-RPC errors in bodies of HTTP 400 and
 * 500 (v1.4.1 crates/agentgateway/src/mcp/mod.rs `jsonrpc_error_body`), which the SDK takes for transport failures.
 */
export function httpFailure(
  response: Pick<Response, 'status' | 'headers'>,
  text: string,
  request: FailedRequest,
): AgentIdError {
  const { spec, session, method } = request;
  const { status } = response;
  const json = parseJson(text);
  const rpc = v.safeParse(RpcError, json);
  const detail = quote(rpc.success ? rpc.output.error.message : text) || `HTTP ${status}`;
  const fail = (code: McpErrorCode, more = {}) => new AgentIdError(code, { server: spec.label, ...more });

  if (spec.kind === 'gateway' && isGatewaysOwn(status, text)) return gatewayFailure(response, text, pathOf(spec));
  // 404: unknown session (MCP transports, "Session Management"); 400: what the gateway and older servers say instead,
  // but not for parameters: a tool that is refused may have "session" in its name.
  const refused = rpc.success && rpc.output.error.code === INVALID_PARAMS;
  if (session && (status === 404 || (status === 400 && !refused && /session/i.test(text))))
    return fail('mcp.sessionLost', { detail });
  if (rpc.success) return rpcFailure(spec, rpc.output.error.code, rpc.output.error.message);
  if (spec.kind === 'gateway') return fail('mcp.upstreamFailed', { detail: `HTTP ${status}: ${detail}`.slice(0, 300) });
  if (status === 401) return fail('mcp.signInNeeded');
  if (status === 403) return fail('mcp.forbidden', { detail });
  if (method === 'initialize' && status < 500 && status !== 429)
    return fail('mcp.notMcp', { detail: `HTTP ${status}` });
  return fail('mcp.httpFailed', { status, detail });
}

const OWN_TEXT =
  /^(route not found|rate limit exceeded|upstream call (failed|timeout)|request timeout|backends required DNS|no (healthy|valid) backends|processing failed: )/;

/**
 * True when the gateway itself refuses, before MCP: its texts for tokens, rules, routes and limits. Everything else on
 * an MCP route is MCP's ("mcp: …", JSON-RPC) or a target's answer, relayed verbatim.
 */
function isGatewaysOwn(status: number, text: string): boolean {
  if (status === 401) return /^authentication failure|"JWT token required"/.test(text);
  if (status === 403) return /^(authorization failed|external authorization)/i.test(text);
  return OWN_TEXT.test(text);
}

const pathOf = (spec: ServerSpec) => new URL(spec.url).pathname;

/** The error for a JSON-RPC error, however it arrived. */
export function rpcFailure(spec: ServerSpec, code: number, message: string): AgentIdError {
  const server = spec.label;
  const detail = quote(message);
  const unknown = /^unknown tool:? *(.*)$|^tool (.+) not found$/i.exec(detail);
  if (code === INVALID_PARAMS && unknown)
    return new AgentIdError('mcp.unknownTool', { server, tool: unknown[1] ?? unknown[2] ?? '' });
  if (spec.kind === 'gateway' && code === -32603) return new AgentIdError('mcp.upstreamFailed', { server, detail });
  return new AgentIdError('mcp.rejected', { server, code, detail });
}

/** The error for whatever else the SDK or the fetch threw. */
export function sdkFailure(
  spec: ServerSpec,
  error: unknown,
  during: { seconds: number; connecting: boolean },
): AgentIdError {
  if (AgentIdError.is(error)) return error;
  const fail = (code: McpErrorCode, more = {}) =>
    new AgentIdError(code, { server: spec.label, ...more }, { cause: error });
  const text = describe(error);
  const { name, code } = v.parse(Thrown, error);
  if (name === 'McpError' && code !== undefined) {
    if (code === -32001 && text.endsWith('Request timed out')) return fail('mcp.timeout', { seconds: during.seconds });
    if (code === -32000 && text.endsWith('Connection closed')) return fail('mcp.interrupted');
    return rpcFailure(spec, code, text.replace(/^MCP error -?\d+: /, ''));
  }
  if (code !== undefined && code >= 300 && code < 400) return fail('mcp.redirected', { detail: quote(text) });
  if (/protocol version/.test(text)) return fail('mcp.protocolVersion', { detail: quote(text) });
  if (name === 'ZodError' || name === '$ZodError' || error instanceof SyntaxError)
    return fail(during.connecting ? 'mcp.notMcp' : 'mcp.malformed', { detail: 'the answer is no JSON-RPC' });
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return fail('mcp.unreachable', { detail: quote(describe(cause)) });
}

/** What the SDK's errors (McpError, StreamableHTTPError) and others show without loading the SDK. */
const Thrown = v.fallback(
  v.object({ name: v.fallback(v.string(), ''), code: v.fallback(v.optional(v.number()), undefined) }),
  { name: '', code: undefined },
);
