import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { qualified, typeOf, type ResourceType } from './resources.ts';
import type { KubeObject } from './types.ts';

export interface StoreEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  version: number;
  resource: string;
  object: KubeObject;
  /** The object before the change: a selector may have matched that one only. */
  before?: KubeObject;
}

const HISTORY = 1000;

/**
 * All objects, with the one counter that is every `resourceVersion`, and the events since the last compaction. Objects
 * are never changed in place: whoever holds one holds a snapshot.
 */
export class Store {
  readonly #objects = new Map<string, KubeObject>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  readonly #clock: { now(): number };
  #events: StoreEvent[] = [];
  #version = 1000;
  #compacted = 1000;

  constructor(clock: { now(): number }) {
    this.#clock = clock;
  }

  get version(): number {
    return this.#version;
  }

  /** The oldest version that a watch can resume from. */
  get oldest(): number {
    return this.#compacted;
  }

  get(type: ResourceType, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#objects.get(keyOf(type, namespace, name));
  }

  /** In the order of the API: by namespace, then by name. */
  list(type: ResourceType, namespace?: string): KubeObject[] {
    const prefix = `${qualified(type)}/${namespace === undefined ? '' : `${namespace}/`}`;
    const keys = [...this.#objects.keys()].filter(key => key.startsWith(prefix)).sort();
    return keys.map(key => this.#objects.get(key)).filter(object => object !== undefined);
  }

  /** Creates or replaces; the server's own metadata is filled in, and an unchanged object makes no event. */
  put(object: KubeObject): KubeObject {
    const type = typeOf(object);
    const key = keyOf(type, object.metadata.namespace, object.metadata.name);
    const before = this.#objects.get(key);
    const metadata = {
      ...object.metadata,
      uid: before?.metadata.uid ?? randomUUID(),
      creationTimestamp: before?.metadata.creationTimestamp ?? timestamp(this.#clock.now()),
      ...generation(object, before),
    };
    const same = before && { ...metadata, resourceVersion: before.metadata.resourceVersion };
    if (before && isDeepStrictEqual({ ...object, metadata: same }, before)) return before;
    const version = ++this.#version;
    const stored = { ...object, metadata: { ...metadata, resourceVersion: String(version) } };
    this.#objects.set(key, stored);
    this.#emit({
      type: before ? 'MODIFIED' : 'ADDED',
      version,
      resource: qualified(type),
      object: stored,
      ...(before && { before }),
    });
    return stored;
  }

  delete(type: ResourceType, namespace: string | undefined, name: string): KubeObject | undefined {
    const key = keyOf(type, namespace, name);
    const before = this.#objects.get(key);
    if (!before) return undefined;
    this.#objects.delete(key);
    const version = ++this.#version;
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } };
    this.#emit({ type: 'DELETED', version, resource: qualified(type), object, before });
    return object;
  }

  /** Events after a version, oldest first; `undefined` when some of them are gone. */
  since(version: number): StoreEvent[] | undefined {
    if (version < this.#compacted) return undefined;
    return this.#events.filter(event => event.version > version);
  }

  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Forgets all events: older versions can't be resumed from any more. */
  compact(): void {
    this.#version++; // even the newest version that a client can hold is history now
    this.#compacted = this.#version;
    this.#events = [];
  }

  #emit(event: StoreEvent): void {
    this.#events.push(event);
    if (this.#events.length > HISTORY) {
      this.#compacted = this.#events[0]?.version ?? this.#compacted;
      this.#events.shift();
    }
    for (const listener of [...this.#listeners]) listener(event);
  }
}

const keyOf = (type: ResourceType, namespace: string | undefined, name: string) =>
  `${qualified(type)}/${type.namespaced ? `${namespace}/` : ''}${name}`;

/** `generation` counts changes of the spec, for the kinds that have one. */
function generation(object: KubeObject, before: KubeObject | undefined): { generation?: number } {
  if (object.spec === undefined || object.kind === 'Service') return {};
  const last = before?.metadata.generation ?? 0;
  return { generation: before && isDeepStrictEqual(before.spec, object.spec) ? last : last + 1 };
}

/** RFC 3339 with seconds, as the API server writes times. */
export const timestamp = (milliseconds: number): string => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
