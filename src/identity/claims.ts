import { createHash } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe } from '../base/errors.ts';
import { identityError } from './errors.ts';

export type TokenClaims = Readonly<Record<string, unknown>>;

export interface DecodedToken {
  header: Readonly<Record<string, unknown>>;
  claims: TokenClaims;
  /** From `ver`, never guessed from a host; undefined when the token does not say. */
  version: '1.0' | '2.0' | undefined;
  /** Milliseconds since the epoch, from `exp`; absent when that is no time. */
  expiresAt?: number;
}

/** Entra's tokens stay below a few KiB even with 200 groups; what is larger is not one. */
const MAX_TOKEN_BYTES = 64 * 1024;
/** The last time that a date can hold, in milliseconds (ECMA-262, "Time Values and Time Range"). */
const MAX_TIME = 8.64e15;
/** Entra nests claims three levels deep at most. */
const MAX_DEPTH = 16;

/**
 * Reads a JWT without verifying its signature: we are not its audience, and it came from the sidecar or from Entra.
 * Throws `token.malformed` and `token.tooLarge`.
 */
export function decodeToken(raw: string): DecodedToken {
  if (raw.length > MAX_TOKEN_BYTES)
    throw identityError('token.tooLarge', { bytes: raw.length, limit: MAX_TOKEN_BYTES });
  const { header, claims } = parse(raw);
  if (tooDeep(claims) || tooDeep(header)) throw identityError('token.malformed', { reason: 'claims nested too deep' });
  const { ver } = claims;
  const expiresAt = timeOf(claims.exp);
  return {
    header,
    claims,
    version: ver === '1.0' || ver === '2.0' ? ver : undefined,
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

function parse(raw: string): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const parts = raw.split('.');
  try {
    const read = { header: { ...decodeProtectedHeader(raw) }, claims: decodeJwt(raw) };
    for (const part of parts.slice(0, 2)) refuseRepeated(Buffer.from(part, 'base64url').toString());
    return read;
  } catch (error) {
    const reason = parts.length === 3 ? describe(error) : `${parts.length} parts where a signed token has 3`;
    throw identityError('token.malformed', { reason }, error);
  }
}

/**
 * What has a name twice is read in two ways: by `JSON.parse` and by us as the last says, by others perhaps as the first.
 * Entra writes none, and RFC 7519 section 4 lets a reader refuse it. `json` is known to be JSON.
 */
function refuseRepeated(json: string): void {
  const open: Set<string>[] = [];
  for (const [token, text, colon] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (text !== undefined && colon !== undefined) {
      const name = JSON.parse(text) as string;
      if (open.at(-1)?.has(name)) throw new SyntaxError(`${JSON.stringify(name.slice(0, 40))} is in it twice`);
      open.at(-1)?.add(name);
    }
  }
}

/** Level by level, not recursively: the depth is what a hostile token would choose. */
function tooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    level = level.flatMap((item): unknown[] => (typeof item === 'object' && item !== null ? Object.values(item) : []));
    if (level.length === 0) return false;
  }
  return true;
}

/** A claim in seconds since the epoch as milliseconds; undefined when it is no time that a calendar knows. */
export function timeOf(value: unknown): number | undefined {
  return typeof value === 'number' && Math.abs(value * 1000) <= MAX_TIME ? value * 1000 : undefined;
}

/** A claim as text, or undefined when it is absent or no text. */
export function textClaim(claims: TokenClaims, name: string): string | undefined {
  const value = claims[name];
  return typeof value === 'string' ? value : undefined;
}

/** The calling application, which version 1.0 names in `appid` and version 2.0 in `azp`, with the claim that names it. */
export function callerOf(claims: TokenClaims): { claim: 'appid' | 'azp'; appId: string } | undefined {
  for (const claim of ['appid', 'azp'] as const) {
    const appId = textClaim(claims, claim);
    if (appId) return { claim, appId };
  }
  return undefined;
}

/**
 * One line of the token table: `sub` is the upn where the token carries one (v1.0), as people recognise it, and `appid`
 * is the calling application, which v2.0 tokens name in `azp`. Absent claims are empty.
 */
export function summarize(claims: TokenClaims): { aud: string; sub: string; appid: string } {
  const { aud } = claims;
  return {
    aud: Array.isArray(aud) ? aud.map(String).join(' ') : (textClaim(claims, 'aud') ?? ''),
    sub: textClaim(claims, 'upn') ?? textClaim(claims, 'sub') ?? '',
    appid: callerOf(claims)?.appId ?? '',
  };
}

/** Names a token in logs and receipts without giving it away: the first 16 hex digits of its SHA-256. */
export function fingerprint(raw: string): string {
  return createHash('sha256').update(raw).digest('hex').slice(0, 16);
}
