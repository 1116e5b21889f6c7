import { sameAudience } from './audience.ts';
import { CLAIMS, CODE_SETS } from './claimTable.ts';
import { callerOf, textClaim, type DecodedToken, type TokenClaims } from './claims.ts';
import type { KnownApps } from './classify.ts';
import { shown } from './display.ts';
import { codesOf } from './facets.ts';

/** Why a claim differs, or stays, from one token of the chain to the next; the words are the view's. */
export type WhyCode =
  /** `aud`: each token is for one resource. */
  | 'otherResource'
  /** `aud`: one resource, written in two ways. */
  | 'sameResource'
  /** The caller is the agent identity now, no longer the application that the user signed in with. */
  | 'agentActs'
  /** The caller is another application, and not the agent identity. */
  | 'otherCaller'
  /** How the caller proves itself: the agent with T1, the sign-in client as a public one. */
  | 'otherProof'
  /** Version 1.0 and 2.0 have different names for it. */
  | 'otherName'
  /** Only one of the two versions has it. */
  | 'otherVersion'
  /** `ver`: each resource application chooses the format of its tokens. */
  | 'resourceChoosesVersion'
  /** `sub` is pairwise: another hash for each application. */
  | 'pairwise'
  /** `oid` or `tid`: the user stays the same through the chain. */
  | 'userStays'
  /** `oid` or `tid` changed: it should not. */
  | 'userChanged'
  /** `iss`: another tenant, or another service; it should not. */
  | 'otherIssuer'
  /** Permissions belong to the resource. */
  | 'otherPermissions'
  /** Each token has its own life. */
  | 'ownLifetime'
  /** The facets and the blueprint appear with the agent. */
  | 'agentAppears'
  /** The same numbers that mean something; the others change from token to token. */
  | 'noise'
  /** `xms_st` is the subject of the token before: the thread from the user's token to this one. */
  | 'threadToUser'
  /** A new value in every token. */
  | 'perToken'
  /** The configuration of each resource application decides which claims it gets. */
  | 'resourceDecides';

/** One claim in two tokens. Texts are fit for display. */
export interface ClaimChange {
  /** As the later token calls it. */
  name: string;
  change: 'same' | 'changed' | 'added' | 'removed';
  before?: { name: string; value: string };
  after?: { name: string; value: string };
  /** The first is the main reason; none for a claim that we know nothing of. */
  why: readonly WhyCode[];
  /** True for a change that the chain must not have: another user, another issuer. */
  alarm: boolean;
}

/** Claims that say the same and are called differently in version 1.0 and 2.0. */
const PAIRS: readonly (readonly [v1: string, v2: string])[] = [
  ['appid', 'azp'],
  ['appidacr', 'azpacr'],
  ['upn', 'preferred_username'],
];
/** Microsoft Learn, "Access token claims reference": only in version 1.0, or there by default. */
const V1_ONLY = new Set(
  'acr amr unique_name ipaddr onprem_sid pwd_exp pwd_url in_corp nickname family_name given_name upn'.split(' '),
);
const PER_TOKEN = new Set(['uti', 'jti', 'aio', 'rh', 'xms_ftd', 'xms_rd', 'xms_ficinfo', 'nonce', 'login_hint']);
const LIFETIME = new Set(['exp', 'nbf', 'iat']);
const PERMISSIONS = new Set(['scp', 'roles']);
const AGENT_CLAIMS = new Set(['xms_act_fct', 'xms_sub_fct', 'xms_par_app_azp', 'xms_idrel', 'xms_tnt_fct']);

/**
 * What changed between two tokens and why, in the order of the claim table: from Tc to a T2, or between two T2. The
 * claims that the versions name differently are paired. `agentAppId` is the agent identity of this connection.
 */
export function compareTokens(before: DecodedToken, after: DecodedToken, apps: KnownApps = {}): ClaimChange[] {
  const pairs = namePairs(before.claims, after.claims);
  return pairs.map(([left, right]) => {
    const a = left !== undefined ? { name: shown(left), value: shown(before.claims[left]) } : undefined;
    const b = right !== undefined ? { name: shown(right), value: shown(after.claims[right]) } : undefined;
    const equal = left !== undefined && right !== undefined && sameValue(left, before.claims, right, after.claims);
    const change = !a ? 'added' : !b ? 'removed' : equal ? 'same' : 'changed';
    const why = reasons(left, right, change, { before, after, apps });
    return {
      name: (b ?? a)!.name,
      change,
      ...(a && { before: a }),
      ...(b && { after: b }),
      why,
      alarm: why[0] === 'userChanged' || why[0] === 'otherIssuer',
    };
  });
}

/** Each claim of either token once, with its name in both. */
function namePairs(before: TokenClaims, after: TokenClaims): [left: string | undefined, right: string | undefined][] {
  const inBefore = new Set(Object.keys(before));
  const inAfter = new Set(Object.keys(after));
  const renamed = new Map<string, string>();
  for (const [v1, v2] of PAIRS)
    for (const [left, right] of [[v1, v2] as const, [v2, v1] as const])
      if (inBefore.has(left) && inAfter.has(right) && !inAfter.has(left) && !inBefore.has(right))
        renamed.set(right, left);
  const taken = new Set(renamed.values());
  const all = new Set([...inAfter, ...inBefore].filter(name => inAfter.has(name) || !taken.has(name)));
  const known = [...CLAIMS.keys()].filter(name => all.has(name));
  const others = [...all].filter(name => !CLAIMS.has(name)).sort();
  return [...known, ...others].map(name => {
    const right = inAfter.has(name) ? name : undefined;
    return [inBefore.has(name) ? name : renamed.get(name), right];
  });
}

function sameValue(left: string, before: TokenClaims, right: string, after: TokenClaims): boolean {
  const meanings = CODE_SETS.get(right);
  const a = codesOf(before, left);
  const b = codesOf(after, right);
  if (meanings && a && b) return [...meanings.keys()].every(code => a.has(code) === b.has(code));
  if (right === 'aud') return textClaim(before, left) === textClaim(after, right);
  return canonical(right, before[left]) === canonical(right, after[right]);
}

/** Lists are sets, and so are scopes: their order says nothing. */
function canonical(name: string, value: unknown): string {
  if (name === 'scp' && typeof value === 'string') return value.split(' ').sort().join(' ');
  if (Array.isArray(value)) return JSON.stringify(value.map(item => JSON.stringify(item)).sort());
  return JSON.stringify(value) ?? '';
}

function reasons(
  left: string | undefined,
  right: string | undefined,
  change: ClaimChange['change'],
  tokens: { before: DecodedToken; after: DecodedToken; apps: KnownApps },
): WhyCode[] {
  const name = (right ?? left)!;
  const { before, after, apps } = tokens;
  const renamed = left !== undefined && right !== undefined && left !== right;
  const why = reason(name, change, before, after, apps);
  return [...(why ? [why] : []), ...(renamed ? (['otherName'] as const) : [])];
}

function reason(
  name: string,
  change: ClaimChange['change'],
  before: DecodedToken,
  after: DecodedToken,
  apps: KnownApps,
): WhyCode | undefined {
  const versionsDiffer = before.version !== after.version;
  if (name === 'oid' || name === 'tid') return change === 'same' ? 'userStays' : 'userChanged';
  if (name === 'xms_st' && threadTo(before, after)) return 'threadToUser';
  if (CODE_SETS.has(name) && change === 'same') return 'noise';
  if (change === 'same') return undefined;
  if (name === 'aud') {
    const [a, b] = [textClaim(before.claims, 'aud'), textClaim(after.claims, 'aud')];
    return a && b && sameAudience(a, b) ? 'sameResource' : 'otherResource';
  }
  if (name === 'appid' || name === 'azp') return isAgent(after, apps) ? 'agentActs' : 'otherCaller';
  if (name === 'appidacr' || name === 'azpacr') return 'otherProof';
  if (name === 'sub') return 'pairwise';
  if (name === 'ver') return 'resourceChoosesVersion';
  if (name === 'iss')
    return versionsDiffer && sameTenantIssuers(before, after) ? 'resourceChoosesVersion' : 'otherIssuer';
  if (PERMISSIONS.has(name)) return 'otherPermissions';
  if (LIFETIME.has(name)) return 'ownLifetime';
  if (PER_TOKEN.has(name)) return 'perToken';
  if (AGENT_CLAIMS.has(name) && change === 'added' && !isAgent(before, apps)) return 'agentAppears';
  if (versionsDiffer && change !== 'changed' && V1_ONLY.has(name)) return 'otherVersion';
  return CLAIMS.has(name) && change !== 'changed' ? 'resourceDecides' : undefined;
}

function isAgent({ claims }: DecodedToken, { agentAppId }: KnownApps): boolean {
  return !!agentAppId && callerOf(claims)?.appId.toLowerCase() === agentAppId.toLowerCase();
}

/** Both issuers name one tenant, in the forms of the two versions; hosts differ by design. */
function sameTenantIssuers(before: DecodedToken, after: DecodedToken): boolean {
  const tenant = ({ claims }: DecodedToken) => {
    const id = textClaim(claims, 'tid')?.toLowerCase();
    return id && textClaim(claims, 'iss')?.toLowerCase().includes(`/${id}/`) ? id : undefined;
  };
  const id = tenant(before);
  return id !== undefined && id === tenant(after);
}

function threadTo(before: DecodedToken, after: DecodedToken): boolean {
  const thread: unknown = after.claims.xms_st;
  const sub = textClaim(before.claims, 'sub');
  return (
    typeof thread === 'object' && thread !== null && sub !== undefined && (thread as { sub?: unknown }).sub === sub
  );
}
