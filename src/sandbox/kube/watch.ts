import type { RequestInfo } from './requestInfo.ts';
import { selection, wholeNumber } from './read.ts';
import { apiVersion, qualified, type ResourceType } from './resources.ts';
import { badRequest, expired } from './status.ts';
import type { Store, StoreEvent } from './store.ts';
import type { KubeObject } from './types.ts';

const BOOKMARK_MS = 60_000;
const DEFAULT_TIMEOUT_S = 1800;

/** Where a watch writes: one JSON document per line. */
export interface WatchSink {
  write(line: string): void;
  end(): void;
  /** Turns an object into what the client asked for, which may be a Table. */
  encode(object: KubeObject): object;
}

/**
 * Streams changes from a `resourceVersion` on, or from the present state when there is none. A version that history no
 * longer reaches is answered by an ERROR event with a 410 Status, as the API server's watch cache does. Returns the
 * function that ends it.
 */
export function watch(store: Store, type: ResourceType, info: RequestInfo, sink: WatchSink): () => void {
  const matches = selection(info);
  const from = wholeNumber(info.query, 'resourceVersion') ?? 0;
  const initial = info.query.get('sendInitialEvents') === 'true';
  const bookmarks = info.query.get('allowWatchBookmarks') === 'true';
  if (initial && (info.query.get('resourceVersionMatch') !== 'NotOlderThan' || !bookmarks))
    throw badRequest('sendInitialEvents requires resourceVersionMatch=NotOlderThan and allowWatchBookmarks=true');
  const send = (kind: string, object: object) => sink.write(`${JSON.stringify({ type: kind, object })}\n`);
  const bookmark = (annotations?: Record<string, string>) =>
    send('BOOKMARK', {
      kind: type.kind,
      apiVersion: apiVersion(type),
      metadata: { resourceVersion: String(store.version), ...(annotations && { annotations }) },
    });

  const forward = (event: StoreEvent) => {
    if (event.resource !== qualified(type)) return;
    if (info.namespace && event.object.metadata.namespace !== info.namespace) return;
    const kind = transition(event, matches);
    if (kind) send(kind, sink.encode(event.object));
  };

  if (from === 0 || initial) {
    for (const object of store.list(type, info.namespace || undefined))
      if (matches(object)) send('ADDED', sink.encode(object));
    if (initial) bookmark({ 'k8s.io/initial-events-end': 'true' });
  } else {
    const missed = store.since(from);
    if (!missed) {
      send('ERROR', expired(`too old resource version: ${from} (${store.oldest})`).status);
      sink.end();
      return () => {};
    }
    for (const event of missed) forward(event);
  }

  const stop = store.subscribe(forward);
  const tick = bookmarks ? setInterval(bookmark, BOOKMARK_MS) : undefined;
  const seconds = wholeNumber(info.query, 'timeoutSeconds') || DEFAULT_TIMEOUT_S;
  const end = () => {
    stop();
    clearInterval(tick);
    clearTimeout(timeout);
    sink.end();
  };
  const timeout = setTimeout(() => {
    if (bookmarks) bookmark();
    end();
  }, seconds * 1000);
  return end;
}

/** An object that starts or stops matching a selector is added or deleted, for the one who watches by it. */
function transition(event: StoreEvent, matches: (object: KubeObject) => boolean): StoreEvent['type'] | undefined {
  const now = event.type !== 'DELETED' && matches(event.object);
  const before = event.before !== undefined && matches(event.before);
  if (now) return before ? 'MODIFIED' : 'ADDED';
  return before ? 'DELETED' : undefined;
}
