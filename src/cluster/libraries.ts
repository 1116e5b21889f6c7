import type * as kubernetes from '@kubernetes/client-node';
import type * as undici from 'undici';

/** Where undici keeps its process-wide dispatcher: version 1 of the interface (up to 7) and version 2 (from 8). */
const GLOBAL_DISPATCHERS = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')];

let loadedUndici: Promise<typeof undici> | undefined;
let loadedKubernetes: Promise<typeof kubernetes> | undefined;

/**
 * Our pinned undici, loaded on first use. It is CommonJS: in a bundle that is split, only its default export is there.
 */
export function loadUndici(): Promise<typeof undici> {
  const load = async () => (await import('undici')).default as unknown as typeof undici;
  return (loadedUndici ??= leavingDispatchersAlone(load));
}

/** The Kubernetes client library, loaded on first use; it brings undici with it. */
export function loadKubernetesClient(): Promise<typeof kubernetes> {
  return (loadedKubernetes ??= leavingDispatchersAlone(() => import('@kubernetes/client-node')));
}

/**
 * The first undici that a process loads makes itself the dispatcher of every other one, the built-in fetch included
 * (undici `lib/global.js`). In an extension host that would redirect the traffic of other extensions, so the built-in
 * one is woken first, and what was there is put back if the import replaced it all the same.
 */
async function leavingDispatchersAlone<T>(load: () => Promise<T>): Promise<T> {
  void new Response();
  const before = GLOBAL_DISPATCHERS.map((key): unknown => Reflect.get(globalThis, key));
  const loaded = await load();
  GLOBAL_DISPATCHERS.forEach((key, index) => {
    const own = before[index];
    if (own !== undefined && Reflect.get(globalThis, key) !== own) Reflect.set(globalThis, key, own);
  });
  return loaded;
}
