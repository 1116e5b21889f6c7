/**
 * What can go wrong with an MCP server. `server` is its label; `detail` is redacted and at most 300 characters. On the
 * gateway's servers the gateway's own refusals come as `gateway.*`, with the route's path as `route`.
 */
export type McpErrorCode =
  /** -32602 "Unknown tool": it does not exist, or the gateway's policy denies it; the gateway never says which. {server, tool} */
  | 'mcp.unknownTool'
  /** Any other JSON-RPC error of the server. {server, code, detail} */
  | 'mcp.rejected'
  /** The gateway could not reach a target, or passed a target's failure on. {server, detail} */
  | 'mcp.upstreamFailed'
  /** The server does not know the session any more, and a new one did not help. {server, detail} */
  | 'mcp.sessionLost'
  /** What answers there does not speak MCP: a web page, 404, other JSON. {server, detail} */
  | 'mcp.notMcp'
  /** A direct server wants a sign-in that we do not have: we send it no token. {server} */
  | 'mcp.signInNeeded'
  /** A direct server says no. {server, detail} */
  | 'mcp.forbidden'
  /** No connection. {server, detail} */
  | 'mcp.unreachable'
  /** No answer in time. {server, seconds} */
  | 'mcp.timeout'
  /** The connection broke before the answer was there. {server} */
  | 'mcp.interrupted'
  /** Another HTTP status. {server, status, detail} */
  | 'mcp.httpFailed'
  /** A redirect that leaves the server's origin. {server, detail} */
  | 'mcp.redirected'
  /** An answer, or one of its events, beyond the limit. {server, megabytes} */
  | 'mcp.tooLarge'
  /** The server speaks only protocol versions that we do not. {server, detail} */
  | 'mcp.protocolVersion'
  /** MCP, but not as it should be. {server, detail} */
  | 'mcp.malformed'
  /** A call to a server that is off or not connected. {server} */
  | 'mcp.notConnected'
  /** No http or https URL. {} */
  | 'mcp.urlInvalid'
  /** http to another machine. {host} */
  | 'mcp.urlNotHttps'
  /** User name or password in the URL. {} */
  | 'mcp.urlCredentials'
  /** The same URL is there already. {server} */
  | 'mcp.duplicate'
  /** No server of that id. {} */
  | 'mcp.noServer';
