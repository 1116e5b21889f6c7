import type * as v from 'valibot';
import { TenantError } from './errors.ts';
import type { Graph } from './graph.ts';
import { federationPath, MARK } from './requests.ts';
import { Agent, Application, FederatedCredential, Grant, Principal } from './schemas.ts';

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
const named = (displayName: string) => `?$filter=${encodeURIComponent(`displayName eq ${quote(displayName)}`)}`;

/** What the script reads of the directory. Everything is read anew each time: others change it too. */
export class Directory {
  readonly #graph: Graph;

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  application(appId: string, signal: AbortSignal): Promise<Application | undefined> {
    return this.#graph.get(Application, `/applications(appId='${appId}')`, signal);
  }

  /** The application of this name that this script made. Those that others gave the same name are none of its business. */
  async markedApplication(
    displayName: string,
    blueprint: boolean,
    signal: AbortSignal,
  ): Promise<Application | undefined> {
    const folder = blueprint ? '/applications/microsoft.graph.agentIdentityBlueprint' : '/applications';
    const all = await this.#graph.list(Application, folder + named(displayName), signal);
    return theOnly(
      all.filter(({ tags }) => tags.includes(MARK)),
      `applications "${displayName}" that were made by this script`,
    );
  }

  principal(appId: string, signal: AbortSignal): Promise<v.InferOutput<typeof Principal> | undefined> {
    return this.#graph.get(Principal, `/servicePrincipals(appId='${appId}')`, signal);
  }

  agent(id: string, signal: AbortSignal) {
    return this.#graph.get(Agent, `/servicePrincipals/${id}/microsoft.graph.agentIdentity`, signal);
  }

  /** The agent identity of this name under this blueprint. */
  async namedAgent(displayName: string, blueprintAppId: string, signal: AbortSignal) {
    const all = await this.#graph.list(
      Agent,
      `/servicePrincipals/microsoft.graph.agentIdentity${named(displayName)}`,
      signal,
    );
    return theOnly(
      all.filter(({ agentIdentityBlueprintId }) => agentIdentityBlueprintId === blueprintAppId),
      `agent identities "${displayName}" of the blueprint`,
    );
  }

  /** Every agent identity of the blueprint. There is no documented filter for it, so all are looked at. */
  async agentsOf(blueprintAppId: string, signal: AbortSignal) {
    const all = await this.#graph.list(Agent, '/servicePrincipals/microsoft.graph.agentIdentity', signal);
    return all.filter(({ agentIdentityBlueprintId }) => agentIdentityBlueprintId === blueprintAppId);
  }

  federatedCredentials(objectId: string, signal: AbortSignal) {
    return this.#graph.list(FederatedCredential, federationPath(objectId), signal);
  }

  /** The consent for all users that a client has for a resource. */
  async grant(clientId: string, resourceId: string, signal: AbortSignal): Promise<Grant | undefined> {
    const filter = encodeURIComponent(`clientId eq ${quote(clientId)}`);
    const all = await this.#graph.list(Grant, `/oauth2PermissionGrants?$filter=${filter}`, signal);
    return all.find(grant => grant.resourceId === resourceId && grant.consentType === 'AllPrincipals');
  }
}

function theOnly<T>(found: T[], what: string): T | undefined {
  if (found.length <= 1) return found[0];
  throw new TenantError(
    `There are ${found.length} ${what}, and nothing says which is meant.`,
    'Write the app id of the right one into the .env, or choose another --name.',
  );
}
