import type { AgentIdError } from '../base/errors.ts';

export interface ToolInfo {
  /** As the server lists it. */
  name: string;
  title?: string;
  description: string;
  inputSchema: Record<string, unknown>;
  /** The server's own claims about the tool: shown, never trusted. */
  annotations?: { readOnlyHint?: boolean; destructiveHint?: boolean; openWorldHint?: boolean };
}

export interface ToolResult {
  /** What goes to the model: the text parts, and one line for each part that is none. */
  text: string;
  /** The tool ran and reports a failure, in `text`. */
  isError: boolean;
  structured?: unknown;
  content: unknown[];
}

export interface ServerSpec {
  id: string;
  label: string;
  /** `gateway`: over the tunnel, with the agent's token, under the gateway's policy. `direct`: none of these. */
  kind: 'gateway' | 'direct';
  url: string;
  /** Names of the gateway's MCP targets behind this server. */
  targets?: string[];
}

export interface ServerInfo {
  name: string;
  version: string;
  protocolVersion: string;
}

export type ServerState =
  | { kind: 'disabled' }
  | { kind: 'connecting' }
  | { kind: 'ready'; tools: ToolInfo[]; info: ServerInfo }
  | { kind: 'failed'; error: AgentIdError };

export interface CallOptions {
  signal: AbortSignal;
  /** W3C trace context, sent as a header. */
  traceparent?: string;
}

/** Where a fresh agent token comes from; whatever it throws fails the request. */
export type TokenSource = (options: { forceRefresh?: boolean; signal?: AbortSignal }) => Promise<string>;
