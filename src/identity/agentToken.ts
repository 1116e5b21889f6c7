import { sameAudience } from './audience.ts';
import { decodeToken, fingerprint, textClaim, type TokenClaims } from './claims.ts';
import { identityError } from './errors.ts';

/** T2: the agent's token for one downstream API, on behalf of the user, checked on arrival. */
export interface AgentToken {
  api: string;
  raw: string;
  claims: TokenClaims;
  /** Milliseconds since the epoch, from `exp`. */
  expiresAt: number;
  /** First 16 hex digits of the SHA-256 of `raw`. */
  fingerprint: string;
}

/** What a token must match to be let in. */
export interface Expected {
  api: string;
  agentAppId: string;
  tenantId: string;
  /** App ID URIs, well-known URLs or GUIDs of the resource. */
  audiences: readonly string[];
  /** The user of Tc; compared by `oid` and `tid`, because `sub` is pairwise and `upn` can change. */
  user: { oid: string; tid: string };
}

/**
 * Checks a token of the sidecar on arrival. A sidecar whose overrides are off returns the blueprint's token with status
 * 200, and version 1.0.0 could mix up agents of parallel requests (AzureAD/microsoft-identity-web issue 3919): whose token
 * it is must be read, not assumed. `now` in milliseconds. Throws `agentToken.*` and `token.*`.
 */
export function checkAgentToken(raw: string, expected: Expected, now: number): AgentToken {
  const { claims, expiresAt } = decodeToken(raw);
  const { api } = expected;
  const claim = (name: string): string => textClaim(claims, name) ?? '';
  const mismatch = (
    code: 'agentToken.wrongAgent' | 'agentToken.wrongAudience' | 'agentToken.wrongTenant' | 'agentToken.wrongUser',
    wanted: string,
    actual: string,
  ) => identityError(code, { api, expected: wanted, actual: actual || 'none' });

  const caller = claim('appid') || claim('azp');
  if (!same(caller, expected.agentAppId)) throw mismatch('agentToken.wrongAgent', expected.agentAppId, caller);

  const aud = claim('aud');
  if (!expected.audiences.some(audience => sameAudience(audience, aud)))
    throw mismatch('agentToken.wrongAudience', expected.audiences.join(' '), aud);

  if (!same(claim('tid'), expected.tenantId)) throw mismatch('agentToken.wrongTenant', expected.tenantId, claim('tid'));
  if (claim('idtyp') === 'app') throw identityError('agentToken.notOnBehalfOfUser', { api });
  if (!same(claim('oid'), expected.user.oid) || !same(claim('tid'), expected.user.tid))
    throw mismatch('agentToken.wrongUser', expected.user.oid, claim('oid'));

  if (expiresAt === undefined || expiresAt <= now)
    throw identityError('agentToken.expired', {
      api,
      expiredAt: expiresAt === undefined ? 'unknown' : new Date(expiresAt).toISOString(),
      now: new Date(now).toISOString(),
    });
  return { api, raw, claims, expiresAt, fingerprint: fingerprint(raw) };
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
