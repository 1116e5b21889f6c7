import type { RequestInfo } from './requestInfo.ts';
import { apiVersion, type ResourceType } from './resources.ts';
import { fieldSelector, labelSelector, type Predicate } from './selectors.ts';
import { badRequest, expired, notFound, StatusError } from './status.ts';
import type { Store } from './store.ts';
import type { KubeObject } from './types.ts';

const MAX_SNAPSHOTS = 100;

/** One page of a list: the objects and the list's metadata. */
export interface Page {
  objects: KubeObject[];
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
}

/** What a request selects: by labels and by fields. */
export function selection(info: RequestInfo): Predicate {
  const labels = labelSelector(info.query.get('labelSelector') ?? '');
  const fields = fieldSelector(info.query.get('fieldSelector') ?? '', info.resource);
  return object => labels(object) && fields.matches(object);
}

export function getOne(store: Store, type: ResourceType, info: RequestInfo): KubeObject {
  const object = store.get(type, info.namespace, info.name);
  if (!object) throw notFound({ group: type.group, plural: type.plural, name: info.name });
  return object;
}

/** Lists, in pages where the client limits them; every page of one list shows the same moment. */
export class Lister {
  readonly #store: Store;
  /** What is left of the lists that somebody may still continue, by the version that they show. */
  readonly #snapshots = new Map<string, KubeObject[]>();

  constructor(store: Store) {
    this.#store = store;
  }

  list(type: ResourceType, info: RequestInfo): Page {
    const token = info.query.get('continue');
    const limit = wholeNumber(info.query, 'limit') ?? 0;
    const all = token ? this.#resume(token) : this.#fresh(type, info);
    const objects = limit > 0 ? all.rest.slice(0, limit) : all.rest;
    const rest = all.rest.slice(objects.length);
    const metadata = { resourceVersion: all.version };
    if (rest.length === 0) return { objects, metadata };
    const next = Buffer.from(
      JSON.stringify({ v: 'meta.k8s.io/v1', rv: Number(all.version), start: all.start + limit }),
    );
    const key = next.toString('base64url');
    this.#snapshots.set(key, rest);
    for (const old of [...this.#snapshots.keys()].slice(0, -MAX_SNAPSHOTS)) this.#snapshots.delete(old);
    return { objects, metadata: { ...metadata, continue: key, remainingItemCount: rest.length } };
  }

  #fresh(type: ResourceType, info: RequestInfo) {
    const wanted = wholeNumber(info.query, 'resourceVersion') ?? 0;
    if (wanted > this.#store.version)
      throw new StatusError(504, 'Timeout', `Too large resource version: ${wanted}, current: ${this.#store.version}`, {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      });
    const rest = this.#store.list(type, info.namespace || undefined).filter(selection(info));
    return { rest, version: String(this.#store.version), start: 0 };
  }

  #resume(token: string) {
    const rest = this.#snapshots.get(token);
    let position: { rv: number; start: number };
    try {
      position = JSON.parse(Buffer.from(token, 'base64url').toString()) as { rv: number; start: number };
    } catch {
      throw badRequest('continue key is not valid');
    }
    if (!rest || position.rv < this.#store.oldest)
      throw expired('The provided continue parameter is too old to display a consistent list result.');
    return { rest, version: String(position.rv), start: position.start };
  }
}

export const listBody = (type: ResourceType, page: Page): object => ({
  kind: `${type.kind}List`,
  apiVersion: apiVersion(type),
  metadata: page.metadata,
  // Items of a list carry no kind of their own.
  items: page.objects.map(({ apiVersion: _version, kind: _kind, ...object }) => object),
});

/** A query parameter that must be a whole number; `undefined` when it is not there. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^\d+$/.test(text)) throw badRequest(`${name}: Invalid value: "${text}": must be a whole number`);
  return Number(text);
}
