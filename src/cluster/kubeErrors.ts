import * as v from 'valibot';
import { AgentIdError, describe } from '../base/errors.ts';
import { redact } from '../base/redact.ts';

/** What was asked of the API server, for the errors. */
export interface KubeRequest {
  server: string;
  context: string;
  /** The verb as RBAC spells it. */
  verb: string;
  path: string;
}

const statusSchema = v.object({ kind: v.literal('Status'), message: v.nullish(v.string(), '') });

/**
 * The API server's sentence in a failure body, or undefined when the body is not a `Status`: then something in front of
 * the API server answered.
 */
export function statusMessage(body: string): string | undefined {
  try {
    const parsed = v.safeParse(statusSchema, JSON.parse(body));
    return parsed.success ? parsed.output.message : undefined;
  } catch {
    return undefined;
  }
}

/** RBAC's sentence: `pods "x" is forbidden: User "u" cannot create resource "pods/portforward" in API group "" in the namespace "n"`. */
const FORBIDDEN = /cannot (?<verb>\S+) resource "(?<resource>[^"]+)"(?:.* in the namespace "(?<namespace>[^"]+)")?/;

/** The error for a failure status of the API server. */
export function statusError(request: KubeRequest, status: number, body: string): AgentIdError {
  const { server, context, path } = request;
  const message = statusMessage(body);
  const reason = describe(redact(message ?? body));
  if (status === 401) return new AgentIdError('cluster.unauthorized', { server, context });
  if (status === 403 && message !== undefined) {
    const said = FORBIDDEN.exec(message)?.groups;
    const asked = resourceOf(path);
    return new AgentIdError('cluster.forbidden', {
      verb: said?.['verb'] ?? request.verb,
      resource: said?.['resource'] ?? asked.resource,
      namespace: said?.['namespace'] ?? asked.namespace,
      reason,
    });
  }
  if (status === 404 && message !== undefined) return new AgentIdError('cluster.notFound', { path, reason });
  return new AgentIdError('cluster.badResponse', { server, status, reason });
}

function resourceOf(path: string): { resource: string; namespace: string } {
  const match = /\/namespaces\/(?<namespace>[^/?]+)\/(?<resource>[^/?]+)(?:\/[^/?]+\/(?<sub>[^/?]+))?/.exec(
    path,
  )?.groups;
  if (match)
    return {
      resource: [match['resource'], match['sub']].filter(Boolean).join('/'),
      namespace: match['namespace'] ?? '',
    };
  return { resource: path.replace(/\?.*$/, '').split('/').pop() ?? '', namespace: '' };
}

/** Codes of Node and OpenSSL that mean "TLS", as `error.code` carries them. */
const TLS_CODE =
  /^ERR_(SSL|TLS)|CERT|^(UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|EPROTO$)/;

/** The error for a request that got no answer: TLS, or no connection at all. Our own errors pass unchanged. */
export function connectionError(server: string, error: unknown): AgentIdError {
  if (AgentIdError.is(error)) return error;
  const code = codeOf(error);
  const args = { server, reason: code || describe(error) };
  return new AgentIdError(TLS_CODE.test(code) ? 'cluster.tls' : 'cluster.unreachable', args, { cause: error });
}

/** The most telling system code along the chain of causes, or ''. undici's own codes only say that something failed. */
function codeOf(error: unknown): string {
  let fallback = '';
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const inner = at instanceof AggregateError ? (at.errors[0] as unknown) : undefined;
    const code = (at as NodeJS.ErrnoException).code ?? (inner as NodeJS.ErrnoException | undefined)?.code ?? '';
    if (code && !code.startsWith('UND_ERR')) return code;
    fallback ||= code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT' ? 'ETIMEDOUT' : '';
  }
  return fallback;
}
