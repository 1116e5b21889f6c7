import type { TokenClaims } from './claims.ts';

/** The numbers of an `xms_*` list that mean something to us. */
export const AGENT_IDENTITY = '11';
export const AGENT_USER = '13';

/**
 * The numbers of a list such as `xms_act_fct`: separated by spaces, in no order, with others among them that are to be
 * ignored (Microsoft Learn, "Token claims reference for agents"). Repeated ones are dropped; what is no number stays, so
 * that it can be shown. Undefined when the token has no such claim.
 */
export function codesOf(claims: TokenClaims, name: string): ReadonlySet<string> | undefined {
  const value = claims[name];
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return new Set(String(value).split(/\s+/).filter(Boolean));
}
