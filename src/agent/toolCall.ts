import { AgentIdError, isCancellation } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { redact } from '../base/redact.ts';
import type { DenialReason } from '../gateway/policy.ts';
import type { McpServer, ToolInfo, ToolResult } from '../mcp/registry.ts';
import type { Approvals } from './approvals.ts';
import type { RequestedCall } from './conversation.ts';
import type { AgentErrorCode } from './errors.ts';
import { isTokenFailure } from './recovery.ts';
import type { Receipt } from './receipts.ts';
import { traceparent } from './trace.ts';

/** Where a call goes. `listed` is false for a tool that the server does not show us: the gateway hides what it denies. */
export interface ResolvedTool {
  server: McpServer;
  /** As the server lists it. */
  name: string;
  /** As the target behind a multiplexing gateway calls it: without its prefix. */
  ownName: string;
  tool?: ToolInfo;
  target?: string;
  listed: boolean;
}

/** Who is behind a call to a server; undefined for a server that gets no token. */
export interface CallIdentity {
  user: { oid: string; username: string };
  agent: string;
  blueprint: string;
  /** The token in hand; absent when it has expired and none was needed since. `expiresAt` in milliseconds. */
  token?: { audience: string; fingerprint: string; expiresAt: number };
}

export type ToolCallStatus = 'waiting' | 'running' | 'done' | 'error' | 'denied' | 'rejected' | 'cancelled';

/** The life of one call, as the views show it. `arguments` and `result` are text and not to be trusted. */
export interface ToolCallState {
  callId: string;
  modelName: string;
  status: ToolCallStatus;
  arguments: string;
  resolved?: ResolvedTool;
  identity?: { user: string; agent: string };
  /** What our reading of the gateway's rules says before the call, or why it was refused after it. */
  denial?: DenialReason;
  result?: string;
  error?: unknown;
  traceparent: string;
}

export interface ToolCallDeps {
  resolve(modelName: string): ResolvedTool | undefined;
  identity(server: McpServer): CallIdentity | undefined;
  explainDenial(resolved: ResolvedTool): DenialReason | undefined;
  approvals: Approvals;
  /** True when what went wrong is mended, by a sign-in, and the work may be done again; rejects when it was tried in vain. */
  mend(error: unknown): Promise<boolean>;
  appendReceipt(receipt: Receipt): Promise<void>;
  clock: Clock;
  /** Called with a new object at each change. */
  onChange(state: ToolCallState): void;
}

/** Longest tool result that is handed to the model, in UTF-16 code units. */
const MODEL_RESULT_LIMIT = 64_000;

/** Runs the work, and again as often as what it fails with is mended. */
export async function mended<T>(work: () => Promise<T>, deps: Pick<ToolCallDeps, 'mend'>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(await deps.mend(error))) throw error;
    }
  }
}

/**
 * Runs one call that the model asked for: resolve, parse, ask, call, explain, receipt. The answer is the text that goes
 * back to the model, so that the history stays valid; the person sees the same in the state. Throws only why no token
 * could be had: then the call was not made, another would fare no better, and the model can do nothing about it.
 */
export async function runToolCall(
  call: RequestedCall,
  traceId: string,
  deps: ToolCallDeps,
  signal: AbortSignal,
): Promise<string> {
  const resolved = deps.resolve(call.name);
  const identity = resolved && deps.identity(resolved.server);
  let state: ToolCallState = {
    callId: call.id,
    modelName: call.name,
    status: 'waiting',
    arguments: call.arguments,
    traceparent: traceparent(traceId),
    ...(resolved && { resolved }),
    ...(identity && { identity: { user: identity.user.username, agent: identity.agent } }),
  };
  const change = (next: Partial<ToolCallState>) => deps.onChange((state = { ...state, ...next }));

  const started = deps.clock.now();
  let approval: Receipt['approval'] = 'none';
  const receipt = async (decision: Receipt['decision'], error?: unknown) => {
    // Asked for again: the token of a while ago may have been renewed for this very call. Another user's it was not.
    const now = resolved && deps.identity(resolved.server);
    const token = (now?.user.oid === identity?.user.oid ? now?.token : undefined) ?? identity?.token;
    await deps.appendReceipt({
      version: 1,
      time: new Date(deps.clock.now()).toISOString(),
      callId: call.id,
      ...(identity && {
        user: identity.user,
        agent: identity.agent,
        blueprint: identity.blueprint,
      }),
      ...(token && {
        audience: token.audience,
        tokenFingerprint: token.fingerprint,
        tokenExpiresAt: new Date(token.expiresAt).toISOString(),
      }),
      ...(resolved && { server: serverOf(resolved) }),
      tool: resolved?.name ?? redact(call.name).slice(0, 200),
      approval,
      decision,
      ...(AgentIdError.is(error) && { errorCode: error.code }),
      latencyMs: deps.clock.now() - started,
      traceparent: state.traceparent,
    });
  };
  /** A call that can not even be asked for. */
  const refuse = async (code: AgentErrorCode, told: string) => {
    const error = new AgentIdError(code, { tool: call.name });
    change({ status: 'error', error });
    await receipt('failed', error);
    return told;
  };

  if (!resolved) {
    return refuse('agent.noSuchTool', `There is no tool named ${call.name}. Use only the tools that you were given.`);
  }
  const args = parseArguments(call.arguments);
  if (!args) {
    return refuse('agent.badArguments', 'The arguments are not a JSON object. Call the tool again with valid JSON.');
  }
  const found = deps.explainDenial(resolved);
  // What the gateway lists it allows, unless the token has changed since: then a list of before says nothing.
  const predicted = resolved.listed && found?.outcome !== 'denied' ? undefined : found;
  change(predicted ? { denial: predicted } : {});

  try {
    const outcome = await deps.approvals.decide(
      {
        callId: call.id,
        user: identity?.user.oid ?? '',
        agent: identity?.agent ?? '',
        serverId: resolved.server.spec.id,
        serverUrl: resolved.server.spec.url,
        tool: resolved.name,
        definition: resolved.tool,
      },
      signal,
    );
    if (!outcome.granted) {
      approval = 'rejected';
      change({ status: 'rejected', ...(outcome.reason && { result: outcome.reason }) });
      await receipt('rejected');
      return outcome.reason
        ? `The user did not allow this call and said: ${outcome.reason}`
        : 'The user did not allow this call.';
    }
    approval = outcome.how;
    change({ status: 'running' });
    const options = { signal, traceparent: state.traceparent };
    const result = await mended(() => resolved.server.call(resolved.name, args, options), deps);
    change({ status: result.isError ? 'error' : 'done', result: result.text });
    await receipt(result.isError ? 'toolError' : 'ok');
    return forModel(result);
  } catch (error) {
    if (signal.aborted || isCancellation(error)) {
      change({ status: 'cancelled' });
      await receipt('cancelled');
      return 'The user stopped this call before it had a result.';
    }
    const denied = AgentIdError.is(error, 'mcp.unknownTool');
    const denial = denied ? deps.explainDenial(resolved) : undefined;
    change({ status: denied ? 'denied' : 'error', error, ...(denial && { denial }) });
    await receipt(denied ? 'denied' : 'failed', error);
    if (isTokenFailure(error)) throw error;
    if (!denied) return `The call failed: ${AgentIdError.is(error) ? error.message : 'unexpected error'}`;
    return denial
      ? `The gateway refused this tool. Its policy: ${denial.summary} Do not try it again.`
      : 'The server does not know this tool. Do not try it again.';
  }
}

function parseArguments(text: string): Record<string, unknown> | undefined {
  if (text.trim() === '') return {}; // models send nothing for a tool without parameters
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function forModel(result: ToolResult): string {
  const text = result.isError ? `The tool reported an error: ${result.text}` : result.text;
  return text.length > MODEL_RESULT_LIMIT
    ? `${text.slice(0, MODEL_RESULT_LIMIT)}\n[cut: the result has ${text.length} characters]`
    : text;
}

function serverOf({ server: { spec } }: ResolvedTool): NonNullable<Receipt['server']> {
  return { id: spec.id, label: spec.label, url: withoutQuery(spec.url) };
}

/** What people paste behind the `?` of a server's address may be a key. */
function withoutQuery(address: string): string {
  const url = URL.parse(address);
  if (!url) return '';
  url.search = url.hash = '';
  return url.href;
}
