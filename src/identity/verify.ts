import { compactVerify, errors } from 'jose';
import { sameAudience } from './audience.ts';
import type { Authority } from './authority.ts';
import { callerOf, textClaim, timeOf, type DecodedToken } from './claims.ts';
import { shown } from './display.ts';
import { issuersOf } from './issuer.ts';
import { GRAPH } from './wellKnown.ts';
import { KeysUnavailable, type SigningKeys } from './signingKeys.ts';

export type Check =
  'signature' | 'issuer' | 'audience' | 'caller' | 'blueprint' | 'user' | 'expiry' | 'notBefore' | 'clock';

/** What a check found; the values that come with it stand behind each. Times in milliseconds since the epoch. */
export type VerdictCode =
  /** Signed by a key of the tenant; kid. */
  | 'signature.valid'
  /** The signature does not fit: changed, or signed by somebody else; kid. */
  | 'signature.invalid'
  /** The tenant has no key of that id; kid. */
  | 'signature.unknownKey'
  /** The header names no key. */
  | 'signature.noKeyId'
  /** An algorithm that nobody outside can verify, or none; alg. */
  | 'signature.algorithm'
  /** A token for Graph with a nonce in its header, which was another when it was signed: only Graph can check it; kid. */
  | 'signature.onlyForGraph'
  /** The signature does not fit, and the header has a nonce although the token is not for Graph; kid. */
  | 'signature.nonce'
  /** Not asked: offline, or no authority is known. */
  | 'signature.notChecked'
  /** The tenant's keys can't be had; host, reason. */
  | 'signature.unreachable'
  /** issuer, version. */
  | 'issuer.ok'
  /** An issuer of this tenant, but of the other version than `ver`; issuer, version. */
  | 'issuer.versionDiffers'
  /** expected, actual. */
  | 'issuer.differs'
  /** actual; absent when there is no authority to compare with. */
  | 'issuer.unknown'
  /** actual. */
  | 'audience.ok'
  /** expected, actual. */
  | 'audience.differs'
  /** Nothing to compare with; actual. */
  | 'audience.unknown'
  /** claim, actual. */
  | 'caller.ok'
  /** claim, expected, actual. */
  | 'caller.differs'
  /** Nothing to compare with; claim, actual. */
  | 'caller.unknown'
  /** xms_par_app_azp is the blueprint; actual. An audit hint, never proof. */
  | 'blueprint.ok'
  /** expected, actual. */
  | 'blueprint.differs'
  /** The token does not name one. */
  | 'blueprint.absent'
  /** Nothing to compare with; actual. */
  | 'blueprint.unknown'
  /** oid. */
  | 'user.ok'
  /** claim (oid or tid), expected, actual. */
  | 'user.differs'
  /** The token has no user: an application alone. */
  | 'user.none'
  /** Nothing to compare with; oid. */
  | 'user.unknown'
  /** at, left (milliseconds). */
  | 'expiry.ok'
  /** Less than five minutes; at, left. */
  | 'expiry.soon'
  /** at, since (milliseconds). */
  | 'expiry.past'
  /** No `exp` that is a time. */
  | 'expiry.missing'
  /** at. */
  | 'notBefore.ok'
  /** at, left. */
  | 'notBefore.future'
  /** No `nbf` that is a time. */
  | 'notBefore.missing'
  /** Entra's clock was seen and agrees; offset (milliseconds, Entra's minus ours). */
  | 'clock.ok'
  /** offset. */
  | 'clock.off'
  /** Issued in the future by our clock, which is behind by this much at least; ahead (milliseconds). */
  | 'clock.issuedInFuture'
  /** Entra's clock was not seen; the times of the token do not contradict ours. */
  | 'clock.notSeen';

/** One line of judgement; `values` are fit for display, times and lengths of time in milliseconds. */
export interface Verdict {
  check: Check;
  outcome: 'ok' | 'warning' | 'bad' | 'unknown';
  code: VerdictCode;
  values: Readonly<Record<string, string | number>>;
}

/** What a token should be, as far as this connection knows; what is absent is not judged. */
export interface Expectation {
  authority?: Authority;
  tenantId?: string;
  audiences?: readonly string[];
  /** Of a T2 the agent identity, of Tc the client application of the sign-in. */
  callerAppId?: string;
  /** Of a T2. */
  blueprintAppId?: string;
  user?: { oid: string; tid: string };
  /** Entra's clock minus ours in milliseconds, where one of its answers was seen. */
  clockOffset?: number;
}

/** Asymmetric algorithms; a token of Entra has RS256. The key must be of the tenant, so none of them weakens the check. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'];
const SOON_MS = 5 * 60_000;
/** The gateway tolerates a minute (AgentGateway 1.4.1, `jsonwebtoken` leeway), Entra five in an assertion. */
const CLOCK_WARNING_MS = 60_000;
const CLOCK_BAD_MS = 5 * 60_000;

/**
 * Everything but the signature: what needs no network. `now` in milliseconds, by our clock; the life of the token is judged
 * by Entra's where that was seen, as the services do that will get the token.
 */
export function judge(token: DecodedToken, expected: Expectation, now: number): Verdict[] {
  const entraNow = now + (expected.clockOffset ?? 0);
  return [
    issuer(token, expected),
    audience(token, expected),
    caller(token, expected),
    ...(token.claims.xms_par_app_azp !== undefined || expected.blueprintAppId ? [blueprint(token, expected)] : []),
    user(token, expected),
    expiry(token, entraNow),
    notBefore(token, entraNow),
    clock(token, expected, now),
  ];
}

/** Whether the tenant signed it; without keys it is not asked. Never throws but when `signal` aborts. */
export async function verifySignature(
  raw: string,
  { header, claims }: DecodedToken,
  keys: SigningKeys | undefined,
  signal: AbortSignal,
): Promise<Verdict> {
  const alg = typeof header.alg === 'string' ? header.alg : '';
  if (!ALGORITHMS.includes(alg)) return verdict('signature.algorithm', 'bad', { alg: shown(alg) || 'none' });
  if (typeof header.kid !== 'string' || !header.kid) return verdict('signature.noKeyId', 'bad');
  const kid = shown(header.kid);
  const nonce = header.nonce !== undefined;
  if (nonce && sameAudience(textClaim(claims, 'aud') ?? '', GRAPH))
    return verdict('signature.onlyForGraph', 'unknown', { kid });
  if (!keys) return verdict('signature.notChecked', 'unknown', { kid });
  try {
    const key = await keys.find(header.kid, signal);
    if (!key) return verdict('signature.unknownKey', 'bad', { kid });
    await compactVerify(raw, key, { algorithms: ALGORITHMS });
    return verdict('signature.valid', 'ok', { kid });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KeysUnavailable)
      return verdict('signature.unreachable', 'unknown', { host: error.host, reason: shown(error.reason) });
    if (error instanceof errors.JOSEError)
      return nonce ? verdict('signature.nonce', 'warning', { kid }) : verdict('signature.invalid', 'bad', { kid });
    return verdict('signature.unreachable', 'unknown', { host: keys.host, reason: 'a key that can not be used' });
  }
}

function issuer({ claims, version }: DecodedToken, { authority, tenantId }: Expectation): Verdict {
  const iss = textClaim(claims, 'iss') ?? '';
  const actual = shown(iss);
  if (!authority || !tenantId) return verdict('issuer.unknown', 'unknown', { actual });
  const { v1, v2 } = issuersOf(authority, tenantId);
  const expected = version === '2.0' ? v2 : v1;
  if (version && iss === expected) return verdict('issuer.ok', 'ok', { actual, version });
  if (iss === v1 || iss === v2) return verdict('issuer.versionDiffers', 'bad', { actual, version: version ?? 'none' });
  return verdict('issuer.differs', 'bad', { expected: version ? expected : `${v1} ${v2}`, actual });
}

function audience({ claims }: DecodedToken, { audiences }: Expectation): Verdict {
  const aud = textClaim(claims, 'aud') ?? '';
  const actual = shown(claims.aud ?? '');
  if (!audiences?.length) return verdict('audience.unknown', 'unknown', { actual });
  return aud && audiences.some(one => sameAudience(one, aud))
    ? verdict('audience.ok', 'ok', { actual })
    : verdict('audience.differs', 'bad', { expected: audiences.join(' '), actual });
}

function caller({ claims, version }: DecodedToken, { callerAppId }: Expectation): Verdict {
  const found = callerOf(claims);
  const claim = found?.claim ?? (version === '2.0' ? 'azp' : 'appid');
  const actual = shown(found?.appId ?? '');
  if (!callerAppId) return verdict('caller.unknown', 'unknown', { claim, actual });
  return same(found?.appId, callerAppId)
    ? verdict('caller.ok', 'ok', { claim, actual })
    : verdict('caller.differs', 'bad', { claim, expected: callerAppId, actual });
}

/** Microsoft: to be logged for audits, not for authorization ("Token claims reference for agents"). */
function blueprint({ claims }: DecodedToken, { blueprintAppId }: Expectation): Verdict {
  const named = textClaim(claims, 'xms_par_app_azp');
  if (!named) return verdict('blueprint.absent', 'unknown');
  const actual = shown(named);
  if (!blueprintAppId) return verdict('blueprint.unknown', 'unknown', { actual });
  return same(named, blueprintAppId)
    ? verdict('blueprint.ok', 'ok', { actual })
    : verdict('blueprint.differs', 'warning', { expected: blueprintAppId, actual });
}

function user({ claims }: DecodedToken, expected: Expectation): Verdict {
  const oid = shown(claims.oid ?? '');
  if (claims.idtyp === 'app') return verdict('user.none', expected.user ? 'bad' : 'unknown');
  if (!expected.user) return verdict('user.unknown', 'unknown', { oid });
  for (const claim of ['oid', 'tid'] as const)
    if (!same(textClaim(claims, claim), expected.user[claim]))
      return verdict('user.differs', 'bad', {
        claim,
        expected: expected.user[claim],
        actual: shown(claims[claim] ?? ''),
      });
  return verdict('user.ok', 'ok', { oid });
}

function expiry({ expiresAt: at }: DecodedToken, now: number): Verdict {
  if (at === undefined) return verdict('expiry.missing', 'bad');
  if (at <= now) return verdict('expiry.past', 'bad', { at, since: now - at });
  const left = at - now;
  return left < SOON_MS ? verdict('expiry.soon', 'warning', { at, left }) : verdict('expiry.ok', 'ok', { at, left });
}

function notBefore({ claims }: DecodedToken, now: number): Verdict {
  const at = timeOf(claims.nbf);
  if (at === undefined) return verdict('notBefore.missing', 'unknown');
  return at > now ? verdict('notBefore.future', 'bad', { at, left: at - now }) : verdict('notBefore.ok', 'ok', { at });
}

/** Entra dates `iat` back by five minutes at most, so a token from the future says that our clock is behind. */
function clock({ claims }: DecodedToken, { clockOffset }: Expectation, now: number): Verdict {
  if (clockOffset !== undefined) {
    const size = Math.abs(clockOffset);
    const outcome = size >= CLOCK_BAD_MS ? 'bad' : size >= CLOCK_WARNING_MS ? 'warning' : 'ok';
    return verdict(outcome === 'ok' ? 'clock.ok' : 'clock.off', outcome, { offset: clockOffset });
  }
  const issued = timeOf(claims.iat);
  return issued !== undefined && issued > now
    ? verdict('clock.issuedInFuture', 'warning', { ahead: issued - now })
    : verdict('clock.notSeen', 'unknown');
}

function same(a: string | undefined, b: string): boolean {
  return a?.toLowerCase() === b.toLowerCase();
}

function verdict(code: VerdictCode, outcome: Verdict['outcome'], values: Verdict['values'] = {}): Verdict {
  return { check: code.slice(0, code.indexOf('.')) as Check, outcome, code, values };
}
