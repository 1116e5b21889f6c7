import { requireAccess } from './accessReview.ts';
import { discover, type Discovery } from './discovery.ts';
import type { KubeApi } from './kubeApi.ts';

/**
 * What is there in a namespace, for somebody who may connect to it: the rights are asked for at the same time, and a
 * missing one is the error, before the request that would have met it.
 * @throws cluster.forbidden for the rights that are missing, and what `discover` throws
 */
export async function survey(api: KubeApi, namespace: string, signal?: AbortSignal): Promise<Discovery> {
  const found = discover(api, namespace, signal);
  found.catch(() => {}); // a missing right says more than the request that it failed
  await requireAccess(api, namespace, signal);
  return found;
}
