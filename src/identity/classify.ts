import { sameAudience } from './audience.ts';
import { callerOf, textClaim, type TokenClaims } from './claims.ts';
import { shown } from './display.ts';
import { AGENT_IDENTITY, AGENT_USER, codesOf } from './facets.ts';
import { EXCHANGE_APP } from './wellKnown.ts';

/**
 * What a token is. `user`: Tc, a user's token for the blueprint. `agentForUser`: T2. `autonomousAgent`: an agent identity
 * on its own behalf. `agentUser`: an agent through its own user account. `blueprintExchange`: T1. `agentExchange`: an
 * agent's token for the exchange, by which it asks for its user account. `application`: any other application alone.
 * `otherUser`: a user's token of which no more is known.
 */
export type TokenKind =
  | 'user'
  | 'agentForUser'
  | 'autonomousAgent'
  | 'agentUser'
  | 'blueprintExchange'
  | 'agentExchange'
  | 'application'
  | 'otherUser'
  | 'unknown';

export type ReasonCode =
  /** `xms_sub_fct` has 13. */
  | 'subjectIsAgentUser'
  /** `xms_act_fct` has 11. */
  | 'actorIsAgent'
  /** `xms_sub_fct` has 11. */
  | 'subjectIsAgent'
  /** `xms_sub_fct` is there, without 11 and 13. */
  | 'subjectIsNoAgent'
  /** `aud` is Entra's token exchange. */
  | 'exchangeAudience'
  /** `sub` is a path that names blueprint and agent identity. */
  | 'exchangeSubject'
  /** `aud` is the blueprint. */
  | 'blueprintAudience'
  /** `idtyp` says user. */
  | 'typeUser'
  /** `idtyp` says app. */
  | 'typeApp'
  /** `scp`: delegated permissions, which only a token with a user has. */
  | 'scopes'
  /** `sub` equals `oid`, as in a token without a user: a user's `sub` is a hash. */
  | 'subjectIsObject'
  /** The caller is the agent identity of this connection. */
  | 'callerIsAgent'
  /** The caller is the blueprint of this connection: no agent was named, or overrides are off. */
  | 'callerIsBlueprint'
  /** `appidacr` or `azpacr` is 0: a public client, which an agent identity never is. */
  | 'publicClient'
  /** No `xms_act_fct`: the resource does not emit it, or there is no agent; neither is proof. */
  | 'noFacets'
  /** `xms_act_fct` is there, without 11. */
  | 'facetsWithoutAgent'
  /** Two claims contradict each other. */
  | 'contradiction'
  /** Neither scopes, nor an application, nor facets. */
  | 'nothingKnown';

/** Why a token is what we say it is. `value` is fit for display; absent where the claim is. */
export interface Reason {
  code: ReasonCode;
  claim?: string;
  value?: string;
}

export interface Classification {
  kind: TokenKind;
  /** `stated`: the token's own claims say so. `inferred`: it follows from what we know of this connection, or is likely. */
  certainty: 'stated' | 'inferred';
  because: readonly Reason[];
  /** `emitAgentClaims`: the resource application should list the agent claims among its optional claims. */
  remedy?: 'emitAgentClaims';
}

/** The applications of this connection, where there is one. */
export interface KnownApps {
  blueprintAppId?: string;
  agentAppId?: string;
}

/**
 * Tells what a token is by the facets that Microsoft documents ("Token claims reference for agents"), first match. An
 * absent facet is never taken as proof: a resource emits these claims only if it is configured to
 * (AzureAD/microsoft-identity-web issue 3882). The audience of the exchange comes before the facets of the subject,
 * because an agent's exchange token has the facets of an autonomous agent.
 */
export function classify(claims: TokenClaims, apps: KnownApps = {}): Classification {
  const facts = read(claims, apps);
  const { act, sub, because } = facts;
  if (sub?.has(AGENT_USER)) return stated('agentUser', because('subjectIsAgentUser', 'xms_sub_fct'));

  if (facts.forExchange) {
    const audience = because('exchangeAudience', 'aud');
    if (act?.has(AGENT_IDENTITY)) return stated('agentExchange', audience, because('actorIsAgent', 'xms_act_fct'));
    if (textClaim(claims, 'sub')?.startsWith('/eid1/'))
      return stated('blueprintExchange', audience, because('exchangeSubject', 'sub'));
  }
  if (act?.has(AGENT_IDENTITY)) return withAgentFacet(facts);

  const facets = act ? because('facetsWithoutAgent', 'xms_act_fct') : because('noFacets', 'xms_act_fct');
  if (facts.callerIsAgent && facts.type) {
    const kind =
      facts.type.code === 'typeApp' || facts.type.code === 'subjectIsObject' ? 'autonomousAgent' : 'agentForUser';
    return {
      kind,
      certainty: 'inferred',
      because: [because('callerIsAgent', facts.callerClaim), facts.type, facets],
      ...(!act && { remedy: 'emitAgentClaims' }),
    };
  }
  const blueprint = facts.callerIsBlueprint ? [because('callerIsBlueprint', facts.callerClaim)] : [];
  switch (facts.type?.code) {
    case 'typeApp':
      return stated('application', facts.type, ...blueprint);
    case 'subjectIsObject':
      return inferred('application', facts.type, ...blueprint);
    case undefined:
      return inferred('unknown', because('nothingKnown'));
    default:
  }
  if (facts.forBlueprint && facts.hasScopes)
    return stated('user', because('blueprintAudience', 'aud'), because('scopes', 'scp'));
  const client = facts.publicClient ? [because('publicClient', facts.publicClient)] : [];
  return (act ? stated : inferred)('otherUser', facts.type!, ...blueprint, ...client, facets);
}

/** The actor is an agent identity; on whose behalf? */
function withAgentFacet({ sub, type, because }: Facts): Classification {
  const actor = because('actorIsAgent', 'xms_act_fct');
  const subject = sub && because(sub.has(AGENT_IDENTITY) ? 'subjectIsAgent' : 'subjectIsNoAgent', 'xms_sub_fct');
  const user = type?.code === 'typeUser' || type?.code === 'scopes';
  const app = type?.code === 'typeApp' || (type?.code === 'subjectIsObject' && !sub);
  const alone = sub?.has(AGENT_IDENTITY) ?? app;
  const reasons = [actor, ...(subject ? [subject] : []), ...(type ? [type] : [])];
  if (alone ? user : app) return inferred('unknown', because('contradiction'), ...reasons);
  if (alone) return (sub ? stated : inferred)('autonomousAgent', ...reasons);
  return user || sub ? stated('agentForUser', ...reasons) : inferred('unknown', ...reasons);
}

interface Facts {
  act: ReadonlySet<string> | undefined;
  sub: ReadonlySet<string> | undefined;
  forExchange: boolean;
  forBlueprint: boolean;
  hasScopes: boolean;
  callerClaim: string;
  callerIsAgent: boolean;
  callerIsBlueprint: boolean;
  /** Name of the claim that says so. */
  publicClient: string | undefined;
  /** Whether a user stands behind the token, as far as it says. */
  type: Reason | undefined;
  because: (code: ReasonCode, claim?: string) => Reason;
}

function read(claims: TokenClaims, { blueprintAppId, agentAppId }: KnownApps): Facts {
  const because = (code: ReasonCode, claim?: string): Reason => ({
    code,
    ...(claim && { claim, ...(Object.hasOwn(claims, claim) && { value: shown(claims[claim]) }) }),
  });
  const aud = textClaim(claims, 'aud') ?? '';
  const caller = callerOf(claims);
  const is = (appId: string | undefined) => !!appId && caller?.appId.toLowerCase() === appId.toLowerCase();
  const scp = textClaim(claims, 'scp');
  const hasScopes = !!scp && scp !== '/'; // "/" or nothing: an application alone ("Token claims reference for agents")
  return {
    act: codesOf(claims, 'xms_act_fct'),
    sub: codesOf(claims, 'xms_sub_fct'),
    forExchange: sameAudience(aud, EXCHANGE_APP),
    forBlueprint: !!blueprintAppId && sameAudience(aud, blueprintAppId),
    hasScopes,
    callerClaim: caller?.claim ?? 'appid',
    callerIsAgent: is(agentAppId),
    callerIsBlueprint: is(blueprintAppId),
    publicClient: ['azpacr', 'appidacr'].find(name => claims[name] === '0'),
    type: typeOf(claims, hasScopes, because),
    because,
  };
}

function typeOf(claims: TokenClaims, hasScopes: boolean, because: Facts['because']): Reason | undefined {
  if (claims.idtyp === 'app') return because('typeApp', 'idtyp');
  if (claims.idtyp === 'user') return because('typeUser', 'idtyp');
  if (hasScopes) return because('scopes', 'scp');
  const sub = textClaim(claims, 'sub');
  return sub && sub === textClaim(claims, 'oid') ? because('subjectIsObject', 'sub') : undefined;
}

const stated = (kind: TokenKind, ...because: Reason[]): Classification => ({ kind, certainty: 'stated', because });
const inferred = (kind: TokenKind, ...because: Reason[]): Classification => ({ kind, certainty: 'inferred', because });
