import { redact } from '../base/redact.ts';
import { CLAIMS } from './claimTable.ts';
import { fingerprint, type DecodedToken } from './claims.ts';
import type { Classification } from './classify.ts';
import { plain, shown } from './display.ts';
import type { Verdict } from './verify.ts';

/** A token as the inspector shows it, to be written down without what makes it a token. */
export interface Exported {
  /** `User token (Tc)`, … */
  label: string;
  raw: string;
  token: DecodedToken;
  classification: Classification;
  verdicts: readonly Verdict[];
}

/** Claims that say who a person is, or by which a person could be asked to sign in. */
const PERSONAL = new Set(
  (
    'name given_name family_name nickname upn unique_name preferred_username email verified_primary_email ' +
    'verified_secondary_email ipaddr fwd onprem_sid puid login_hint sid pwd_url'
  ).split(' '),
);
/** Claims that Entra uses to reissue tokens; opaque, and no use to a reader. */
const INTERNAL = new Set(['aio', 'rh', 'xms_ftd', 'xms_rd', 'xms_ficinfo', 'xms_acd', 'xms_pftexp']);
const HEADER = new Set(['alg', 'kid', 'typ', 'x5t']);
/** A signature or payload has more characters; what is shorter would hide ordinary values. */
const MIN_PART = 16;
const TOKEN_LIKE = /eyJ[\w-]{8,}\.[\w-]/;

/**
 * The tokens as a JSON document that can be sent to others: header, claims, judgement, and the fingerprint that receipts
 * and logs have, but neither a raw token nor a part of its signature. Values about a person, and of claims that we do not
 * know, are masked; the same value gets the same mask in one document, so that "the same user" stays visible. `now` in
 * milliseconds since the epoch.
 */
export function exportTokens(tokens: readonly Exported[], now: number): string {
  const mask = masker();
  const { safe, clean } = cleaner(tokens);
  const entries = (values: Readonly<Record<string, unknown>>, write: (name: string, value: unknown) => unknown) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [safe(name), write(name, value)]));
  const document = {
    format: 'agent-id token export 1',
    exportedAt: new Date(now).toISOString(),
    kept: 'Ids of user, tenant, groups and applications stay, for whoever may look them up in the directory. Remove them before you publish this.',
    masked: 'Values about a person and values of unknown claims are masked; equal values have equal masks.',
    tokens: tokens.map(({ label, raw, token, classification, verdicts }) => ({
      label: safe(label),
      fingerprint: fingerprint(raw),
      version: token.version ?? null,
      expiresAt: token.expiresAt === undefined ? null : new Date(token.expiresAt).toISOString(),
      classification: clean(classification),
      verdicts: clean(verdicts),
      header: entries(token.header, (name, value) => (HEADER.has(name) ? clean(value) : mask(value))),
      claims: entries(token.claims, (name, value) => {
        if (INTERNAL.has(name)) return '‹internal›';
        return PERSONAL.has(name) || !CLAIMS.has(name) ? mask(value) : clean(value);
      }),
    })),
  };
  const text = `${JSON.stringify(document, undefined, 2)}\n`;
  if (TOKEN_LIKE.test(text)) throw new Error('The export still held what looks like a token');
  return text;
}

type Mask = (value: unknown) => string;

function masker(): Mask {
  const seen = new Map<string, number>();
  return value => {
    const key = plain(value);
    if (!seen.has(key)) seen.set(key, seen.size + 1);
    return `‹masked ${seen.get(key)}›`;
  };
}

/** Texts without tokens and secrets, at every depth (which `decodeToken` limits), and without a part of these tokens. */
function cleaner(tokens: readonly Exported[]): { safe: (text: string) => string; clean: (value: unknown) => unknown } {
  const parts = tokens.flatMap(({ raw }) => raw.split('.').slice(1)).filter(part => part.length >= MIN_PART);
  const safe = (text: string): string =>
    parts.reduce((hidden, part) => hidden.replaceAll(part, '‹token›'), redact(shown(text)));
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string') return safe(value);
    if (Array.isArray(value)) return value.map(clean);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [safe(name), clean(inner)]));
  };
  return { safe, clean };
}
