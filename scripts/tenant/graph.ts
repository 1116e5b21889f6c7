import * as v from 'valibot';
import { GRAPH } from '../../src/identity/wellKnown.ts';
import { ServiceFailure, TenantError } from './errors.ts';
import { sendJson, type JsonRequest } from './http.ts';
import type { GraphRequest } from './requests.ts';
import type { World } from './world.ts';

const Page = v.object({ value: v.array(v.unknown()), '@odata.nextLink': v.optional(v.string()) });

/**
 * docs/agent-id/error-codes.md of MicrosoftDocs/entra-docs: AgentBlueprint_…, AgentIdentity_NotSupportedOnApiVersion. The
 * sentence also comes with the code of a refusal (microsoft/Agent365-devTools, FederatedCredentialService.cs).
 */
const BETA_ONLY = /_NotSupportedOnApiVersion\b|not supported on the API version/;

/** Microsoft Graph with one token. Version v1.0; a tenant that has agent identities in beta only is asked there. */
export class Graph {
  readonly #world: World;
  readonly #token: string;

  constructor(world: World, token: string) {
    this.#world = world;
    this.#token = token;
  }

  /** One object, or undefined when the directory has none (404). */
  async get<S extends v.GenericSchema>(
    schema: S,
    path: string,
    signal: AbortSignal,
  ): Promise<v.InferOutput<S> | undefined> {
    try {
      return parse(schema, await this.#call({ method: 'GET', path }, signal), path);
    } catch (error) {
      if (error instanceof ServiceFailure && error.status === 404) return undefined;
      throw error;
    }
  }

  /** All pages of a list. Empty also where the collection itself is not known. */
  async list<S extends v.GenericSchema>(schema: S, path: string, signal: AbortSignal): Promise<v.InferOutput<S>[]> {
    const found: v.InferOutput<S>[] = [];
    for (let next: string | undefined = path; next !== undefined;) {
      const page: v.InferOutput<typeof Page> | undefined = await this.get(Page, next, signal);
      if (!page) break;
      found.push(...page.value.map(item => parse(schema, item, path)));
      const link: string | undefined = page['@odata.nextLink'];
      if (link !== undefined && !link.startsWith(`${GRAPH}/`))
        throw new TenantError(
          'Microsoft Graph points to another host for the next page.',
          'Tell whoever runs your network.',
        );
      next = link?.replace(/^https:\/\/[^/]+\/(v1\.0|beta)/, '');
    }
    return found;
  }

  /** A change. The parsed answer, or undefined for an empty one. Throws `ServiceFailure`. */
  send(request: GraphRequest, signal: AbortSignal): Promise<unknown> {
    return this.#call(request, signal);
  }

  async #call(request: GraphRequest | { method: 'GET'; path: string }, signal: AbortSignal): Promise<unknown> {
    const { method, path } = request;
    const body = 'body' in request ? request.body : undefined;
    const ask = (version: string, json: unknown) => {
      const sent: JsonRequest = {
        service: 'Microsoft Graph',
        method,
        url: `${GRAPH}/${version}${path}`,
        token: this.#token,
        headers: { 'OData-Version': '4.0' }, // agent identities are told apart by @odata.type, which is OData 4
        ...(json !== undefined && { body: json }),
      };
      return sendJson(this.#world, sent, signal);
    };
    try {
      return await ask('v1.0', body);
    } catch (error) {
      if (!(error instanceof ServiceFailure && BETA_ONLY.test(`${error.code} ${error.message}`))) throw error;
      return rename(
        await ask('beta', rename(body, 'delegatedPermissionIds', 'permissionIds')),
        'permissionIds',
        'delegatedPermissionIds',
      );
    }
  }
}

/** The one property that beta calls differently (resource type preAuthorizedApplication). */
function rename(value: unknown, from: string, to: string): unknown {
  if (value === undefined) return undefined;
  return JSON.parse(JSON.stringify(value), function (this: Record<string, unknown>, key: string, inner: unknown) {
    if (key !== from) return inner;
    this[to] = inner;
    return undefined;
  }) as unknown;
}

/** What came in, or a `TenantError` that names the field. */
export function parse<S extends v.GenericSchema>(schema: S, body: unknown, path: string): v.InferOutput<S> {
  const parsed = v.safeParse(schema, body);
  if (parsed.success) return parsed.output;
  const field = v.getDotPath(parsed.issues[0]) ?? 'body';
  throw new TenantError(
    `Microsoft Graph's answer to ${path.split('?')[0]} has no usable ${field}.`,
    'Check whether a proxy rewrites answers; else this script is older than the service.',
  );
}
