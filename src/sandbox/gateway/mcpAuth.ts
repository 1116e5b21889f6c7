import type { Exchange } from './exchange.ts';
import { GatewayError } from './errors.ts';
import type { McpAuthenticationSpec } from './schema.ts';

const METADATA = '/.well-known/oauth-protected-resource';

/** Paths that `mcpAuthentication` answers without a token. */
export function isMetadataPath(path: string): boolean {
  return path === METADATA || path.startsWith(`${METADATA}/`);
}

/**
 * The protected resource metadata (RFC 9728) that AgentGateway builds: computed fields, then every configured key in
 * snake case over them (`ResourceMetadata::to_rfc_json`, crates/agentgateway/src/types/agent.rs).
 */
export function replyMetadata(spec: McpAuthenticationSpec, exchange: Exchange): void {
  const body: Record<string, unknown> = {
    resource: base(exchange) + exchange.path.slice(METADATA.length),
    authorization_servers: [spec.issuer],
    mcp_protocol_version: '2025-06-18',
    resource_type: 'mcp-server',
  };
  for (const [key, value] of Object.entries(spec.resourceMetadata)) body[snakeCase(key)] = value;
  exchange.reply(
    200,
    {
      'content-type': 'application/json',
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, OPTIONS',
      'access-control-allow-headers': 'content-type',
    },
    JSON.stringify(body),
  );
}

/** The 401 of `mcpAuthentication`: the same body whatever was wrong, and a challenge that points at the metadata. */
export function challenge(spec: McpAuthenticationSpec, exchange: Exchange): GatewayError {
  const { resource } = spec.resourceMetadata;
  const origin = typeof resource === 'string' && URL.canParse(resource) ? new URL(resource).origin : base(exchange);
  return new GatewayError(
    'JwtAuth',
    401,
    {
      'content-type': 'application/json',
      'www-authenticate': `Bearer resource_metadata="${origin}${METADATA}${exchange.path}"`,
    },
    '{"error":"unauthorized","error_description":"JWT token required"}',
  );
}

/** Scheme and authority as the client wrote them; a proxy in front may have said that it was https. */
function base(exchange: Exchange): string {
  const scheme = exchange.headers['x-forwarded-proto'] === 'https' ? 'https' : 'http';
  return `${scheme}://${exchange.headers.host ?? 'localhost'}`;
}

const snakeCase = (name: string) =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[-\s]+/g, '_')
    .toLowerCase();
