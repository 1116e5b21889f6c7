import { callerOf, textClaim, type DecodedToken } from './claims.ts';
import { shown } from './display.ts';
import { EXCHANGE, EXCHANGE_APP } from './wellKnown.ts';

/** Who asks Entra for a token. */
export type Requester = 'client' | 'blueprint' | 'agent';

/**
 * One token of the chain, for a diagram. Of a hop that nobody outside the sidecar sees (`seen` false) only what the
 * protocol fixes is said, never a value that would have to be read from the token. Texts are fit for display.
 */
export interface Hop {
  id: 'tc' | 't1' | 't2';
  seen: boolean;
  /** `iss` of a token that was seen. Every token of the chain is issued by the user's tenant. */
  issuer?: string;
  requester: Requester;
  requesterAppId?: string;
  /** What the requester shows to Entra to get it. */
  presents: readonly ('userSignIn' | 'workloadIdentity' | 't1' | 'tc')[];
  /** Who gets to see it, and does what it permits. */
  presentedTo: 'sidecar' | 'entra' | 'gateway';
  audience?: string;
  /** Of T1: the audience as scopes name it. */
  audienceUri?: string;
  /** Of T1: the agent identity that it is bound to (`fmi_path`). */
  forAgent?: string;
  /** Milliseconds since the epoch; of a token that was seen. */
  expiresAt?: number;
  version?: '1.0' | '2.0';
}

/**
 * The chain from the user's token to one of the agent's: the client asks for Tc, the sidecar as the blueprint for T1,
 * bound to the agent identity, and as the agent for T2, with T1 as its proof and Tc as the user it acts for (Microsoft
 * Learn, "On-behalf-of flow in agents"). Either token may be missing, then its hop is described like T1's.
 */
export function describeChain(
  tc: DecodedToken | undefined,
  t2: DecodedToken | undefined,
  apps: { clientAppId?: string; blueprintAppId?: string; agentAppId?: string },
): Hop[] {
  const t1: Hop = {
    id: 't1',
    seen: false,
    requester: 'blueprint',
    ...(apps.blueprintAppId && { requesterAppId: apps.blueprintAppId }),
    presents: ['workloadIdentity'],
    presentedTo: 'entra',
    audience: EXCHANGE_APP,
    audienceUri: EXCHANGE,
    ...(apps.agentAppId && { forAgent: apps.agentAppId }),
  };
  return [
    hop('tc', tc, 'client', apps.clientAppId, ['userSignIn'], 'sidecar'),
    t1,
    hop('t2', t2, 'agent', apps.agentAppId, ['t1', 'tc'], 'gateway'),
  ];
}

function hop(
  id: 'tc' | 't2',
  token: DecodedToken | undefined,
  requester: Requester,
  appId: string | undefined,
  presents: Hop['presents'],
  presentedTo: Hop['presentedTo'],
): Hop {
  const common = { id, requester, presents, presentedTo };
  if (!token) return { ...common, seen: false, ...(appId && { requesterAppId: appId }) };
  const issuer = textClaim(token.claims, 'iss');
  const caller = callerOf(token.claims);
  return {
    ...common,
    seen: true,
    ...(issuer && { issuer: shown(issuer) }),
    ...(caller && { requesterAppId: shown(caller.appId) }),
    audience: shown(token.claims.aud ?? ''),
    ...(token.expiresAt !== undefined && { expiresAt: token.expiresAt }),
    ...(token.version && { version: token.version }),
  };
}
