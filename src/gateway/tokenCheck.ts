import type { TokenClaims } from '../identity/claims.ts';
import type { KeySource, TokenPolicy, TokenProvider } from './policies.ts';
import { appOf, type Remedy } from './remedies.ts';

/** A token as its bearer sees it. */
export interface PresentedToken {
  header: Readonly<Record<string, unknown>>;
  claims: TokenClaims;
  /**
   * What a look at the issuer's keys said; `unchecked`: there were none to look with, and anybody may have written the
   * token. Absent: it came from the issuer and is taken for good.
   */
  signature?: 'valid' | 'invalid' | 'unchecked';
}

/** What a token that is taken passes with. */
type Allowance = Extract<TokenReason, { code: 'leeway' | 'keysUnseen' }>;

/** The key ids of a file or of an address, where the caller knows them. */
export type KnownKeys = (source: KeySource) => readonly string[] | undefined;

/** Why a gateway does not take a token, or what its answer hangs on. */
export type TokenReason =
  | { code: 'tokenMissing' }
  /** The listener's own policy has taken the token out of the request: a second one finds none. */
  | { code: 'tokenTaken' }
  | { code: 'kidMissing' }
  | { code: 'unknownKey'; kid: string }
  | { code: 'algorithm'; algorithm: string; allowed: string[] }
  | { code: 'signature' }
  /** Nobody has looked at the signature: everything else would do. */
  | { code: 'signatureUnchecked' }
  | { code: 'requiredClaimMissing'; claim: string }
  /** `at`: seconds since the epoch, without the gateway's leeway of 60 s. */
  | { code: 'expired'; at: number }
  /** It has ended, within the leeway, and is taken all the same. `at` as above. */
  | { code: 'leeway'; at: number }
  | { code: 'issuerDiffers'; expected: string; actual: string }
  | { code: 'audienceDiffers'; expected: string[]; actual: string[] }
  /** It has several providers, and which one judges depends on keys that we have not seen. */
  | { code: 'keysUnseen'; kid: string };

export type TokenOutcome =
  /** `with`: what it passes with; `keysUnseen` where one of the provider's keys is taken to be the token's. */
  | { outcome: 'passes'; claims: TokenClaims; with?: Allowance }
  /** No claims, and nothing refuses that: the mode lets a request without a (good) token through. */
  | { outcome: 'unauthenticated'; because: TokenReason }
  | { outcome: 'fails'; because: TokenReason; remedy: Remedy }
  | { outcome: 'unknown'; because: TokenReason };

/** `Validation::leeway` of jsonwebtoken, seconds. */
const LEEWAY = 60;

/**
 * What `jwtAuth` or `mcpAuthentication` makes of a token, in AgentGateway's order: key, algorithm, signature, required
 * claims, expiry, issuer, audience. `nbf` is not looked at, and a token without `iss` or `aud` passes unless they are
 * required (v1.4.1 crates/agentgateway/src/http/jwt.rs; jsonwebtoken 10 `validate`). `now` is in milliseconds.
 */
export function checkToken(
  policy: TokenPolicy,
  token: PresentedToken | undefined,
  now: number,
  known: KnownKeys | undefined,
): TokenOutcome {
  if (!token) {
    const because: TokenReason = { code: 'tokenMissing' };
    return policy.mode === 'strict'
      ? { outcome: 'fails', because, remedy: { code: 'getToken' } }
      : { outcome: 'unauthenticated', because };
  }
  const found = validate(policy.providers, token, now, known);
  if (found.outcome === 'passes' && token.signature === 'unchecked')
    return { outcome: 'unknown', because: { code: 'signatureUnchecked' } };
  if (found.outcome !== 'fails') return found;
  if (policy.mode === 'permissive') return { outcome: 'unauthenticated', because: found.because };
  return { ...found, remedy: remedyFor(found.because, token.claims) };
}

type Validated = Extract<TokenOutcome, { outcome: 'passes' | 'unknown' }> | { outcome: 'fails'; because: TokenReason };

function validate(
  providers: readonly TokenProvider[],
  token: PresentedToken,
  now: number,
  known: KnownKeys | undefined,
): Validated {
  const { kid } = token.header;
  if (typeof kid !== 'string') return { outcome: 'fails', because: { code: 'kidMissing' } };
  const candidates = candidatesFor(providers, kid, known);
  const verdicts = candidates.map(({ provider, assumed }): Validated => {
    const because = refusal(provider, kid, token, now);
    if (because) return { outcome: 'fails', because };
    const allowance = allowanceFor(token, assumed ? kid : undefined, now);
    return { outcome: 'passes', claims: token.claims, ...(allowance && { with: allowance }) };
  });
  const [first, ...others] = verdicts;
  if (!first) return { outcome: 'fails', because: { code: 'unknownKey', kid } };
  if (others.every(other => other.outcome === first.outcome)) return first;
  return { outcome: 'unknown', because: { code: 'keysUnseen', kid } };
}

/** `assumed`: the id of a key that we have not seen. */
function allowanceFor({ claims }: PresentedToken, assumed: string | undefined, now: number): Allowance | undefined {
  const { exp } = claims;
  if (isTime(exp) && exp * 1000 <= now) return { code: 'leeway', at: exp };
  return assumed === undefined ? undefined : { code: 'keysUnseen', kid: assumed };
}

/**
 * The first provider that has the key judges, whatever issuer the token names. Where key sets are out of our sight, each
 * may be the first; two that get their keys from one place are no two.
 */
function candidatesFor(providers: readonly TokenProvider[], kid: string, known: KnownKeys | undefined) {
  const candidates: { provider: TokenProvider; assumed: boolean }[] = [];
  const seen = new Set<string>();
  for (const provider of providers) {
    const source = provider.keys;
    const kids = known?.(source) ?? (source.kind === 'inline' ? source.keys.map(key => key.kid) : undefined);
    if (kids && !kids.includes(kid)) continue;
    const place = source.kind === 'derived' ? `derived ${provider.issuer}` : JSON.stringify(source);
    if (seen.has(place)) continue;
    seen.add(place);
    candidates.push({ provider, assumed: !kids });
    if (kids) break;
  }
  return candidates;
}

function refusal(provider: TokenProvider, kid: string, token: PresentedToken, now: number): TokenReason | undefined {
  const { claims, header } = token;
  const key = provider.keys.kind === 'inline' ? provider.keys.keys.find(item => item.kid === kid) : undefined;
  if (key && !key.algorithms.includes(String(header.alg)))
    return { code: 'algorithm', algorithm: String(header.alg), allowed: key.algorithms };
  if (token.signature === 'invalid') return { code: 'signature' };
  const [issuers, audiences] = [texts(claims.iss), texts(claims.aud)];
  const present: Record<string, boolean> = {
    exp: isTime(claims.exp),
    nbf: isTime(claims.nbf),
    iss: issuers !== undefined,
    aud: audiences !== undefined,
    sub: typeof claims.sub === 'string',
  };
  const missing = provider.requiredClaims.find(name => present[name] === false);
  if (missing !== undefined) return { code: 'requiredClaimMissing', claim: missing };
  const { exp } = claims;
  if (exp !== undefined && exp !== null && !isTime(exp)) return { code: 'requiredClaimMissing', claim: 'exp' };
  if (isTime(exp) && Math.round(exp) < Math.floor(now / 1000) - LEEWAY) return { code: 'expired', at: exp };
  if (issuers && !issuers.includes(provider.issuer))
    return { code: 'issuerDiffers', expected: provider.issuer, actual: issuers.join(' ') };
  const expected = provider.audiences;
  if (expected && audiences && !audiences.some(audience => expected.includes(audience)))
    return { code: 'audienceDiffers', expected, actual: audiences };
  return undefined;
}

const isTime = (value: unknown): value is number => typeof value === 'number' && value >= 0;

/** A text or a list of texts; what is neither counts as absent, as in jsonwebtoken. */
function texts(value: unknown): string[] | undefined {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) && value.every(part => typeof part === 'string') ? value : undefined;
}

const V2_ISSUER = /\/v2\.0\/?$/;

function remedyFor(reason: TokenReason, claims: TokenClaims): Remedy {
  switch (reason.code) {
    case 'expired':
      return { code: 'refreshToken' };
    case 'issuerDiffers': {
      const wanted = V2_ISSUER.test(reason.expected) ? '2.0' : '1.0';
      const isOther = V2_ISSUER.test(reason.actual) !== V2_ISSUER.test(reason.expected);
      return { code: 'setIssuer', issuer: reason.actual, ...(isOther && { version: wanted, ...appOf(claims) }) };
    }
    case 'audienceDiffers':
      return { code: 'addAudience', audiences: reason.actual };
    case 'unknownKey':
    case 'keysUnseen':
      return { code: 'checkKeys', kid: reason.kid };
    default:
      return { code: 'getToken' };
  }
}
