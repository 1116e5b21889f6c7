import { fingerprint, summarize } from '../identity/claims.ts';
import type { Classification, KnownApps } from '../identity/classify.ts';
import { shown } from '../identity/display.ts';
import { explainClaims, type ClaimRow, type Names } from '../identity/explain.ts';
import { judge } from '../identity/verify.ts';
import { clip, LIMITS, type Failure } from '../protocol/common.ts';
import type { InspectedToken, TokenClaim, TokenDetails } from '../protocol/inspector.ts';
import { documentationHref } from '../protocol/links.ts';
import type { Held, Reading } from './inspection.ts';
import type { Translate } from './messages/catalogue.ts';
import { checkName, kindName, sayClassification, sayNote, sayPasted, sayVerdict } from './messages/token.ts';

/** What a row is said with. */
export interface RowWords {
  t: Translate;
  say: (error: unknown) => Failure;
  names: Names;
  apps: KnownApps;
  /** Milliseconds since the epoch. */
  now: number;
}

/** What a row is: a token of the chain or a pasted one. */
export interface RowOf {
  id: string;
  label: string;
  /** True while a token is asked for anew; what was read before is shown until then. */
  pending: boolean;
  pasted?: boolean;
  /** Why there is no token, when the sidecar has no API for it. */
  notConfigured: string;
  /** When the token ends that is in use while no new one comes, in milliseconds since the epoch. */
  heldUntil?: number | undefined;
}

/** A row of the inspector, whatever became of its token: its status, and its details where it could be read. */
export function inspectedToken(row: RowOf, reading: Reading | undefined, words: RowWords): InspectedToken {
  const base = { id: row.id, label: clip(row.label, LIMITS.line), ...(row.pasted && { pasted: true }) };
  const loading = row.pending && ({ status: { kind: 'loading' } } as const);
  switch (reading?.kind) {
    case undefined:
      return { ...base, status: { kind: 'loading' } };
    case 'notConfigured':
      return { ...base, status: { kind: 'notConfigured', reason: clip(row.notConfigured, LIMITS.sentence) } };
    case 'failed':
      return { ...base, ...(loading || { status: failedStatus(row, words.say(reading.error), words.now) }) };
    case 'encrypted':
      return { ...base, status: { kind: 'ok' }, details: encryptedDetails(reading.header, words) };
    case 'held':
      return { ...base, ...heldToken(reading.held, words, !row.pasted), ...loading };
  }
}

function failedStatus({ heldUntil }: RowOf, failure: Failure, now: number): InspectedToken['status'] {
  return { kind: 'error', failure, ...(heldUntil !== undefined && heldUntil > now && { heldUntil }) };
}

function heldToken(held: Held, words: RowWords, keepsRaw: boolean): Omit<InspectedToken, 'id' | 'label'> {
  const { token, raw } = held;
  const { aud, sub, appid } = summarize(token.claims);
  const expired = token.expiresAt !== undefined && token.expiresAt <= words.now;
  // Our own came from Entra; of a pasted one nobody knows where it comes from.
  const unverified = held.signature.outcome === 'bad' || (!keepsRaw && held.signature.outcome !== 'ok');
  const value = (text: string) => clip(shown(text), LIMITS.claimValue);
  return {
    aud: value(aud),
    sub: value(sub),
    appid: value(appid),
    status: { kind: unverified ? 'unverified' : expired ? 'expired' : 'ok' },
    details: {
      ...detailsOf(held, words),
      fingerprint: fingerprint(raw),
      ...(keepsRaw && { length: raw.length }),
    },
  };
}

function detailsOf({ token, classification, signature, expected }: Held, words: RowWords): TokenDetails {
  const { t, names, apps, now } = words;
  const claims = explainClaims(token, names, apps);
  return {
    ...(token.version && { version: token.version }),
    kind: {
      label: clip(kindName(t, classification.kind), LIMITS.line),
      certain: classification.certainty === 'stated',
      because: clip(whyThatKind(t, classification), LIMITS.sentence),
    },
    checks: [signature, ...judge(token, expected, now)].map(verdict => ({
      title: checkName(t, verdict.check),
      outcome: verdict.outcome,
      sentence: clip(sayVerdict(t, verdict), LIMITS.sentence),
    })),
    header: headerOf(token.header),
    claims: claims.slice(0, LIMITS.claims).map(row => claimOf(row, t)),
    ...(claims.length > LIMITS.claims && { moreClaims: claims.length - LIMITS.claims }),
    ...(token.expiresAt !== undefined && { expiresAt: token.expiresAt }),
  };
}

/** The reasons; before them, where the token itself does not say it, that it does not. */
function whyThatKind(t: Translate, found: Classification): string {
  const { sentence, reasons, remedy } = sayClassification(t, found);
  return [...(found.certainty === 'stated' ? [] : [sentence]), ...reasons, ...(remedy ? [remedy] : [])].join(' ');
}

function encryptedDetails(header: Readonly<Record<string, string>>, { t }: RowWords): TokenDetails {
  return {
    kind: {
      label: t('Encrypted token'),
      certain: true,
      because: sayPasted(t, { kind: 'encrypted', header }) ?? '',
    },
    checks: [],
    header: headerOf(header),
    claims: [],
  };
}

function headerOf(header: Readonly<Record<string, unknown>>): TokenDetails['header'] {
  return Object.entries(header)
    .slice(0, LIMITS.claims)
    .map(([name, value]) => ({ name: clip(shown(name), LIMITS.line), value: clip(shown(value), LIMITS.claimValue) }));
}

function claimOf(row: ClaimRow, t: Translate): TokenClaim {
  const { kind, parts, more, source } = row;
  const listed = kind === 'codes' || kind === 'list';
  const shownParts = parts.slice(0, LIMITS.claims - 1).map(part => ({
    text: clip(part.text, LIMITS.line),
    ...(part.meaning && { meaning: clip(part.meaning, LIMITS.line) }),
  }));
  // The names of GUIDs stand beside the value, the entries of a list in its place.
  const named = listed ? [] : shownParts.map(({ text, meaning }) => (meaning === undefined ? text : meaning));
  const remarks = [...named, ...(row.note ? [sayNote(t, row.note)] : []), ...codesNote(row, t)];
  const href = source && documentationHref(source.url);
  return {
    name: clip(row.name, LIMITS.line),
    value: row.absent ? t('absent') : clip(row.value, LIMITS.claimValue),
    ...(row.time !== undefined && { time: row.time }),
    ...(listed &&
      !row.absent &&
      parts.length > 0 && {
        parts: [...shownParts, ...(more === undefined ? [] : [{ text: t('and {0} more', more) }])],
      }),
    explanation: clip(row.explanation ?? t('No explanation is known for this claim.'), LIMITS.sentence),
    known: row.known,
    ...(row.evidence && { evidence: row.evidence }),
    ...(source && { source: { title: clip(source.title, LIMITS.line), ...(href && { href }) } }),
    ...(remarks.length > 0 && { note: clip(remarks.join(' · '), LIMITS.sentence) }),
  };
}

function codesNote({ kind, absent, parts }: ClaimRow, t: Translate): string[] {
  if (kind !== 'codes' || absent || parts.every(part => part.documented)) return [];
  return [t('A set: its order has no meaning, and numbers without documentation are to be ignored.')];
}
