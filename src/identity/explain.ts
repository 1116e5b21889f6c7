import { CLAIMS, FACETS, RELATIONS, VALUES, type ClaimText, type Evidence } from './claimTable.ts';
import { textClaim, type DecodedToken, type TokenClaims } from './claims.ts';
import { WELL_KNOWN_APPS } from './wellKnown.ts';

export interface ClaimRow {
  name: string;
  /** For display: no control characters, of limited length; "absent" for a claim that is missing. */
  value: string;
  explanation: string;
  /** False for a claim that we have no explanation for. */
  known: boolean;
  /** About this value: who a GUID is, what a code number means, or why a claim is absent. */
  note?: string;
}

const MAX_VALUE = 2000;
const TIMES = new Set(['exp', 'nbf', 'iat', 'auth_time', 'xms_tcdt']);
const GUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;
const EVIDENCE: Record<Evidence, string> = {
  documented: 'Documented.',
  observed: 'Seen in real tokens, not documented.',
  guessed: 'A guess; not documented.',
};
const UNKNOWN: ClaimText = { text: 'No explanation is known for this claim.', evidence: 'observed' };

/**
 * One row for each claim, the ones that say who acts for whom first: aud, sub, the caller and the facets of the actor
 * are always listed, absent ones with the reason. `names` says who a GUID (lower case) is, for ids of this tenant.
 */
export function explainClaims(token: DecodedToken, names: ReadonlyMap<string, string>): ClaimRow[] {
  const { claims } = token;
  const present = new Set(Object.keys(claims));
  const always = ['aud', 'sub', 'appid', ...(present.has('azp') ? ['azp'] : []), 'xms_act_fct'];
  const listed = [...CLAIMS.keys()].filter(name => present.has(name) && !always.includes(name));
  const others = [...present].filter(name => !CLAIMS.has(name)).sort();
  return [...always, ...listed, ...others].map(name =>
    present.has(name) ? presentRow(name, claims[name], names) : absentRow(name, token),
  );
}

function presentRow(name: string, raw: unknown, names: ReadonlyMap<string, string>): ClaimRow {
  const { text, evidence } = CLAIMS.get(name) ?? UNKNOWN;
  const known = CLAIMS.has(name);
  const note = noteOn(name, raw, names);
  return {
    name: visible(name),
    value: TIMES.has(name) && typeof raw === 'number' ? timeText(raw) : visible(plain(raw)),
    explanation: known ? `${text} ${EVIDENCE[evidence]}` : text,
    known,
    ...(note && { note: visible(note) }),
  };
}

function absentRow(name: string, token: DecodedToken): ClaimRow {
  const { text, evidence } = CLAIMS.get(name) ?? UNKNOWN;
  return {
    name,
    value: 'absent',
    explanation: `${text} ${EVIDENCE[evidence]}`,
    known: true,
    note: whyAbsent(name, token),
  };
}

function whyAbsent(name: string, { claims, version }: DecodedToken): string {
  if (name === 'appid') {
    if (version === '2.0') return 'This is a version 2.0 token (ver): it names the calling application in azp.';
    return version === '1.0'
      ? 'Unexpected: a version 1.0 token (ver) names the calling application here.'
      : 'The token has no ver claim, so its format is not known.';
  }
  if (name === 'xms_act_fct') return whyNoFacets(claims);
  return 'Unexpected: every access token of Entra carries this claim.';
}

function whyNoFacets(claims: TokenClaims): string {
  const authentication = textClaim(claims, 'azpacr') ?? textClaim(claims, 'appidacr');
  if (authentication === '0')
    return 'The caller is a public client that a user signed in with (see azpacr or appidacr), not an agent: such a token has no facets.';
  return (
    'The resource does not emit it. Microsoft services do; an application of your own does when its optional claims list ' +
    'xms_act_fct. Its absence does not say that the caller is no agent.'
  );
}

function noteOn(name: string, raw: unknown, names: ReadonlyMap<string, string>): string | undefined {
  if (TIMES.has(name) && typeof raw === 'number') return `${raw} seconds since 1970`;
  const value = plain(raw);
  if (name === 'xms_act_fct' || name === 'xms_sub_fct') return codes(value, FACETS);
  if (name === 'xms_idrel') return codes(value, RELATIONS);
  if (name === 'xms_tnt_fct') return codes(value, new Map());
  const meaning = VALUES.get(name)?.get(value);
  if (meaning) return meaning;
  const guid = GUID.exec(value)?.[0].toLowerCase();
  return guid && (names.get(guid) ?? WELL_KNOWN_APPS.get(guid));
}

/** Lists of code numbers come in any order and with numbers that Microsoft says to ignore. */
function codes(value: string, meanings: ReadonlyMap<string, string>): string {
  const numbers = value.split(' ').filter(Boolean);
  return numbers.map(number => `${number}: ${meanings.get(number) ?? 'not documented; ignore'}`).join('; ');
}

function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value.join(', ');
  return JSON.stringify(value) ?? '';
}

function timeText(seconds: number): string {
  const time = new Date(seconds * 1000);
  if (Number.isNaN(time.getTime())) return String(seconds);
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A claim can hold anything: control and direction characters, which could make one value look like another, are spelled out. */
function visible(text: string): string {
  const shown = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, found => `\\u{${found.codePointAt(0)?.toString(16)}}`);
  return shown.length > MAX_VALUE ? `${shown.slice(0, MAX_VALUE - 1)}…` : shown;
}
