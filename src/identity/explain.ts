import { CLAIMS, CODE_SETS, TIMES, VALUES, type ClaimSource, type Evidence } from './claimTable.ts';
import { textClaim, timeOf, type DecodedToken, type TokenClaims } from './claims.ts';
import type { KnownApps } from './classify.ts';
import { plain, shown } from './display.ts';
import { codesOf } from './facets.ts';
import { WELL_KNOWN_NAMES } from './wellKnown.ts';

/** A part of a value that can be said more about: a code number, an item of a list, a GUID that has a name. */
export interface ClaimPart {
  text: string;
  /** What it means, or who it is; absent when nothing is known. */
  meaning?: string;
  /** Of code numbers: whether Microsoft documents it. The others are to be ignored. */
  documented?: boolean;
}

/** What is to be said about this value, or about its absence; the words are the view's. */
export type NoteCode =
  /** `appid` is absent: a version 2.0 token has `azp`. */
  | 'absent.namedInAzp'
  /** `appid` is absent although the token is version 1.0. */
  | 'absent.callerExpected'
  /** `appid` is absent, and there is no `ver` to say whether it should be. */
  | 'absent.noVersion'
  /** Facets are absent: the caller is a public client, no agent. */
  | 'absent.publicClient'
  /** Facets are absent: the resource does not emit them, which says nothing about the caller. */
  | 'absent.notEmitted'
  /** Absent, and every access token of Entra has it. */
  | 'absent.unexpected'
  /** `xms_par_app_azp` is the blueprint of this connection: an audit hint, never proof. */
  | 'blueprint.matches'
  /** `xms_par_app_azp` is another application than the blueprint of this connection. */
  | 'blueprint.differs';

/** One claim with what is known of it. Every text is fit for display: no control characters, of limited length. */
export interface ClaimRow {
  name: string;
  kind: 'text' | 'time' | 'list' | 'codes' | 'json';
  /** As the token has it; empty when `absent`. */
  value: string;
  /** Of a time: milliseconds since the epoch. */
  time?: number;
  /** Code numbers, items, or the GUIDs in the value that have a name; at most 200. */
  parts: ClaimPart[];
  /** Parts that are not listed. */
  more?: number;
  /** True for a claim that one would look for and that the token does not have. */
  absent: boolean;
  /** False for a claim that we have no explanation for: then the next three are missing. A guess has no source. */
  known: boolean;
  explanation?: string;
  evidence?: Evidence;
  source?: ClaimSource;
  note?: NoteCode;
}

const MAX_PARTS = 200;
const GUIDS = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;
/** Claims that are lists, but written as one text with spaces. */
const SPACED = new Set(['scp']);

/** Who a GUID (lower case) is, for ids of this tenant. */
export type Names = ReadonlyMap<string, string>;

/**
 * One row for each claim, the ones that say who acts for whom first: aud, sub, the caller and the facets of the actor
 * are always listed. `names` and `apps` are what this connection knows.
 */
export function explainClaims(token: DecodedToken, names: Names, apps: KnownApps = {}): ClaimRow[] {
  const { claims } = token;
  const present = new Set(Object.keys(claims));
  const always = ['aud', 'sub', 'appid', ...(present.has('azp') ? ['azp'] : []), 'xms_act_fct'];
  const listed = [...CLAIMS.keys()].filter(name => present.has(name) && !always.includes(name));
  const others = [...present].filter(name => !CLAIMS.has(name)).sort();
  return [...always, ...listed, ...others].map(name =>
    present.has(name) ? presentRow(name, claims, names, apps) : absentRow(name, token),
  );
}

function presentRow(name: string, claims: TokenClaims, names: Names, apps: KnownApps): ClaimRow {
  const raw = claims[name];
  const { kind, parts } = dissect(name, claims, names);
  const time = kind === 'time' ? timeOf(raw) : undefined;
  const note = name === 'xms_par_app_azp' ? noteOnBlueprint(raw, apps) : undefined;
  return {
    name: shown(name),
    kind,
    value: shown(raw),
    ...(time !== undefined && { time }),
    parts: parts.slice(0, MAX_PARTS),
    ...(parts.length > MAX_PARTS && { more: parts.length - MAX_PARTS }),
    absent: false,
    ...described(name),
    ...(note && { note }),
  };
}

function absentRow(name: string, token: DecodedToken): ClaimRow {
  return {
    name,
    kind: CODE_SETS.has(name) ? 'codes' : 'text',
    value: '',
    parts: [],
    absent: true,
    ...described(name),
    note: whyAbsent(name, token),
  };
}

function described(name: string): Pick<ClaimRow, 'known' | 'explanation' | 'evidence' | 'source'> {
  const claim = CLAIMS.get(name);
  if (!claim) return { known: false };
  const { text, evidence, source } = claim;
  return { known: true, explanation: text, evidence, ...(source && { source }) };
}

function dissect(name: string, claims: TokenClaims, names: Names): Pick<ClaimRow, 'kind' | 'parts'> {
  const raw = claims[name];
  const meanings = CODE_SETS.get(name);
  const codes = meanings && codesOf(claims, name);
  if (codes) return { kind: 'codes', parts: [...codes].map(code => codePart(code, meanings)) };
  if (TIMES.has(name) && timeOf(raw) !== undefined) return { kind: 'time', parts: [] };
  const items = SPACED.has(name) && typeof raw === 'string' ? raw.split(' ').filter(Boolean) : raw;
  if (Array.isArray(items) && items.every(item => typeof item !== 'object'))
    return { kind: 'list', parts: items.map(item => part(name, String(item), names)) };
  if (typeof raw === 'object' && raw !== null) return { kind: 'json', parts: guids(plain(raw), names) };
  const text = plain(raw);
  if (VALUES.get(name)?.has(text)) return { kind: 'text', parts: [part(name, text, names)] };
  return {
    kind: 'text',
    parts: name === 'sub' ? [...exchangePath(text, names), ...guids(text, names)] : guids(text, names),
  };
}

function codePart(code: string, meanings: ReadonlyMap<string, string>): ClaimPart {
  const meaning = meanings.get(code);
  return { text: shown(code), ...(meaning && { meaning }), documented: meaning !== undefined };
}

function part(name: string, item: string, names: Names): ClaimPart {
  const meaning = VALUES.get(name)?.get(item) ?? guids(item, names)[0]?.meaning;
  return { text: shown(item), ...(meaning && { meaning }) };
}

/** The GUIDs in a text that have a name, each once. */
function guids(text: string, names: Names): ClaimPart[] {
  const found = new Set(text.match(GUIDS)?.map(guid => guid.toLowerCase()));
  return [...found].flatMap(guid => {
    const meaning = names.get(guid) ?? WELL_KNOWN_NAMES.get(guid);
    return meaning ? [{ text: guid, meaning: shown(meaning) }] : [];
  });
}

/**
 * T1's subject is the path `/eid1/c/pub/t/<tenant>/a/<blueprint>/<agent identity>`, whose first two ids are the sixteen
 * bytes of a GUID as .NET orders them, in base64url (observed in tokens of several tenants).
 */
function exchangePath(sub: string, names: Names): ClaimPart[] {
  const packed = /^\/eid1\/c\/pub\/t\/([\w-]{22})\/a\/([\w-]{22})\//.exec(sub)?.slice(1) ?? [];
  return packed.map(text => {
    const guid = unpackGuid(text);
    const name = names.get(guid);
    return { text, meaning: name ? `${guid} (${shown(name)})` : guid };
  });
}

function unpackGuid(packed: string): string {
  const bytes = Buffer.from(packed, 'base64url');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function noteOnBlueprint(raw: unknown, { blueprintAppId }: KnownApps): NoteCode | undefined {
  if (!blueprintAppId || typeof raw !== 'string') return undefined;
  return raw.toLowerCase() === blueprintAppId.toLowerCase() ? 'blueprint.matches' : 'blueprint.differs';
}

function whyAbsent(name: string, { claims, version }: DecodedToken): NoteCode {
  if (name === 'appid') {
    if (version === '2.0') return 'absent.namedInAzp';
    return version === '1.0' ? 'absent.callerExpected' : 'absent.noVersion';
  }
  if (name !== 'xms_act_fct') return 'absent.unexpected';
  const authentication = textClaim(claims, 'azpacr') ?? textClaim(claims, 'appidacr');
  return authentication === '0' ? 'absent.publicClient' : 'absent.notEmitted';
}
