import { GatewayError, plain } from '../errors.ts';
import { errorMessage, type RequestId } from './jsonrpc.ts';

/**
 * The MCP refusals of AgentGateway 1.4.1: `mcp::Error` and its statuses (crates/agentgateway/src/mcp/mod.rs and
 * proxy/mod.rs). Without a JSON-RPC id to answer they are one line of text that begins with `mcp: `.
 */
const text = (status: number, sentence: string) => plain('MCP', status, `mcp: ${sentence}`);

function rpc(status: number, id: RequestId | undefined, code: number, message: string, data?: unknown): GatewayError {
  if (id === undefined) return text(status, message);
  const body = JSON.stringify(errorMessage(id, code, message, data));
  return new GatewayError('MCP', status, { 'content-type': 'application/json' }, body);
}

export const KNOWN_VERSIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];

export const mcpErrors = {
  methodNotAllowed: () => text(405, 'method not allowed; must be GET, POST, or DELETE'),
  getStreamNotSupported: () => text(405, 'GET event stream is not supported by any upstream'),
  invalidAccept: () => text(406, 'client must accept both application/json and text/event-stream'),
  invalidAcceptGet: () => text(406, 'client must accept text/event-stream'),
  invalidContentType: () => text(415, 'client must send application/json'),
  deserialize: (detail: string) => text(400, `fail to deserialize request body: ${detail}`),
  unknownSession: () => text(404, 'session not found'),
  missingSessionHeader: () => text(400, 'session header is required for non-initialize requests'),
  sessionIdRequired: () => text(400, 'session ID is required'),
  invalidSessionIdHeader: () => text(400, 'invalid session ID header'),
  noBackends: () => text(503, 'no backends configured'),
  /** -32022; the versions are listed except where the client is only now negotiating one. */
  unsupportedVersion: (id: RequestId | undefined, version: string, list: boolean) =>
    rpc(
      400,
      id,
      -32022,
      `unsupported MCP protocol version: ${version}`,
      list ? { supported: KNOWN_VERSIONS, requested: version } : undefined,
    ),
  versionMismatch: (id: RequestId | undefined) => rpc(400, id, -32020, 'MCP protocol version header/body mismatch'),
  headerBodyMismatch: (id: RequestId | undefined, header: string) =>
    rpc(400, id, -32020, `${header} header/body mismatch`),
  /** Deliberately not "forbidden": that something exists is hidden from who may not use it. */
  authorization: (id: RequestId, type: string, name: string) => rpc(400, id, -32602, `Unknown ${type}: ${name}`),
  send: (id: RequestId | undefined, detail: string) => rpc(500, id, -32603, `failed to send message: ${detail}`),
};
