import type { OutgoingHttpHeaders } from 'node:http';
import type { Exchange } from './exchange.ts';
import type { CorsSpec } from './schema.ts';

/**
 * CORS as AgentGateway does it (crates/agentgateway/src/http/cors.rs): before authentication; without `Origin` not at
 * all. Returns the headers of a direct 200 when the request ends here, else undefined; what an allowed origin needs
 * on the real answer, a refusal included, is added to the exchange.
 */
export function applyCors(spec: CorsSpec, exchange: Exchange): OutgoingHttpHeaders | undefined {
  const { origin } = exchange.headers;
  if (origin === undefined) return undefined;
  const requested = exchange.headers['access-control-request-method'];
  const options = exchange.method === 'OPTIONS';
  if (!spec.allowOrigins.some(allowed => originMatches(allowed, origin))) return options && requested ? {} : undefined;

  const always: OutgoingHttpHeaders = {
    'access-control-allow-origin': origin,
    ...(spec.allowCredentials && { 'access-control-allow-credentials': 'true' }),
    ...(spec.exposeHeaders.length > 0 && { 'access-control-expose-headers': list(spec.exposeHeaders) }),
  };
  if (!options) {
    exchange.addedHeaders = { ...exchange.addedHeaders, ...always };
    return undefined;
  }
  const methods = preflight(spec.allowMethods, requested, spec.allowCredentials);
  const headers = preflight(
    spec.allowHeaders,
    exchange.headers['access-control-request-headers']
      ?.split(',')
      .map(name => name.trim())
      .filter(Boolean)
      .join(', '),
    spec.allowCredentials,
  );
  return {
    ...always,
    ...(methods && { 'access-control-allow-methods': methods }),
    ...(headers && { 'access-control-allow-headers': headers }),
  };
}

const list = (values: readonly string[]) => (values.includes('*') ? '*' : values.join(','));

/** A wildcard echoes what the browser asked for, because `*` does not cover `Authorization`. */
function preflight(allowed: readonly string[], asked: string | undefined, credentials: boolean): string | undefined {
  if (allowed.length === 0) return undefined;
  if (!allowed.includes('*')) return allowed.join(',');
  return asked || (credentials ? undefined : '*');
}

/** `*`, an origin, or one whose host begins with `*.`. */
function originMatches(allowed: string, origin: string): boolean {
  if (allowed === '*' || allowed === origin) return true;
  const [scheme, host] = allowed.split('://*.');
  return host !== undefined && origin.startsWith(`${scheme}://`) && origin.endsWith(`.${host}`);
}
