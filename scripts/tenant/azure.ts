// Azure Resource Manager: the role that lets agents and people use the model.
// Source: Microsoft Learn, "Assign Azure roles using the REST API" and "List Azure role assignments using the REST API" (2022-04-01).
import * as v from 'valibot';
import { sendJson, type JsonRequest } from './http.ts';
import { ServiceFailure, TenantError } from './errors.ts';
import { stableGuid } from './requests.ts';
import { Account, RoleAssignments } from './schemas.ts';
import type { World } from './world.ts';

export const AZURE = 'https://management.azure.com';
/** Cognitive Services OpenAI User: may use deployments, may not change them ("Azure built-in roles for AI + machine learning"). */
export const OPENAI_USER = '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd';
/** Only characters that Azure allows in these names: the text goes into addresses, into the .env, and into commands that people copy. */
export const RESOURCE_ID =
  /^\/subscriptions\/[0-9a-f-]{36}\/resourceGroups\/[\p{L}\p{N}_().-]+\/providers\/Microsoft\.CognitiveServices\/accounts\/[a-z0-9-]+$/iu;
const VERSION = 'api-version=2022-04-01';
/** Microsoft Learn, "Accounts - Get" of Azure AI Services. */
const ACCOUNT_VERSION = 'api-version=2023-05-01';

export interface Assignee {
  readonly principalId: string;
  readonly principalType: 'ServicePrincipal' | 'User';
}

/** The assignment that this script makes: its name follows from who and where, so it is known again. */
export function assignmentOf(resource: string, { principalId, principalType }: Assignee) {
  const name = stableGuid(`${resource.toLowerCase()} ${principalId} ${OPENAI_USER}`);
  const subscription = resource.split('/').slice(0, 3).join('/');
  const roleDefinitionId = `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${OPENAI_USER}`;
  return {
    name,
    path: `${resource}/providers/Microsoft.Authorization/roleAssignments/${name}?${VERSION}`,
    // with the type, Azure does not look the principal up, which a new one would fail
    body: { properties: { roleDefinitionId, principalId, principalType } },
  };
}

/** The same for people with the Azure CLI. */
export function azCommand(resource: string, { principalId, principalType }: Assignee): string {
  return `az role assignment create --role "Cognitive Services OpenAI User" --assignee-object-id "${principalId}" --assignee-principal-type ${principalType} --scope "${resource}"`;
}

export class Azure {
  readonly #world: World;
  readonly #token: string;
  readonly #resource: string;

  constructor(world: World, token: string, resource: string) {
    this.#world = world;
    this.#token = token;
    this.#resource = resource;
  }

  /**
   * Names of the assignments that give this principal the role here: on the resource or on what it is part of, to the
   * principal itself or to a group that it is in.
   */
  async assignments(principalId: string, signal: AbortSignal): Promise<string[]> {
    const filter = encodeURIComponent(`assignedTo('${principalId}')`);
    const path = `${this.#resource}/providers/Microsoft.Authorization/roleAssignments?${VERSION}&$filter=${filter}`;
    const parsed = v.safeParse(RoleAssignments, await this.#call('GET', path, undefined, signal));
    if (!parsed.success)
      throw new TenantError(
        'Azure answered with something that is no list of role assignments.',
        'Check whether a proxy rewrites answers.',
      );
    return parsed.output.value
      .filter(({ properties }) => properties.roleDefinitionId.toLowerCase().endsWith(`/${OPENAI_USER}`))
      .filter(({ properties }) => this.#covers(properties.scope))
      .map(({ name }) => name.toLowerCase());
  }

  /** Where the account answers to Azure OpenAI's API; undefined where it has no name of its own, or may not be read. */
  async host(signal: AbortSignal): Promise<string | undefined> {
    try {
      const account = await this.#call('GET', `${this.#resource}?${ACCOUNT_VERSION}`, undefined, signal);
      const parsed = v.safeParse(Account, account);
      return parsed.success ? `${parsed.output.properties.customSubDomainName}.openai.azure.com` : undefined;
    } catch (error) {
      if (error instanceof ServiceFailure) return undefined; // then a person fills it in, who is told so
      throw error;
    }
  }

  async assign(assignee: Assignee, signal: AbortSignal): Promise<void> {
    const { path, body } = assignmentOf(this.#resource, assignee);
    await this.#call('PUT', path, body, signal);
  }

  /** Takes away the assignment that this script made, and no other. */
  async unassign(assignee: Assignee, signal: AbortSignal): Promise<void> {
    await this.#call('DELETE', assignmentOf(this.#resource, assignee).path, undefined, signal);
  }

  #covers(scope: string): boolean {
    return scope === '/' || `${this.#resource}/`.toLowerCase().startsWith(`${scope.replace(/\/$/, '')}/`.toLowerCase());
  }

  #call(method: JsonRequest['method'], path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    const request = { service: 'Azure', method, url: `${AZURE}${path}`, token: this.#token };
    return sendJson(this.#world, { ...request, ...(body !== undefined && { body }) }, signal);
  }
}
