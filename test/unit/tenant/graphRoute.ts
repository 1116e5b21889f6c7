// What a route of the stand-in for Microsoft Graph is made of.
import type * as v from 'valibot';
import type { Principal } from './directory.ts';
import type { Call, Reply } from './reply.ts';

export interface Route {
  readonly method: string;
  readonly path: RegExp;
  /** The permissions that Graph's page of this call lists for a person's token, the least privileged first; one is enough. */
  readonly needs: readonly string[];
  /** A blueprint's own token is enough as well. */
  readonly blueprintMay?: true;
  readonly body?: v.GenericSchema;
  answer(call: Call, match: RegExpExecArray): Reply;
}

export const READ_APPS = ['Application.Read.All', 'Application.ReadWrite.All'];
export const BLUEPRINT = String.raw`\/microsoft\.graph\.agentIdentityBlueprint`;
export const AGENT = String.raw`\/microsoft\.graph\.agentIdentity`;
export const ID = '([0-9a-f-]{36})';

/** The principal is gone, and with it the consents that it gave or got. */
export function forget({ state }: Call, principal: Principal): void {
  state.principals.splice(state.principals.indexOf(principal), 1);
  const left = state.grants.filter(
    ({ clientId, resourceId }) => clientId !== principal.id && resourceId !== principal.id,
  );
  state.grants.splice(0, state.grants.length, ...left);
}

/** What a `$filter` asks of one property: Graph's only form of it here. */
export function filterOf(query: URLSearchParams, property: string): string | undefined {
  const [, value] = new RegExp(`^${property} eq '((?:[^']|'')*)'$`).exec(query.get('$filter') ?? '') ?? [];
  return value?.replaceAll("''", "'");
}
