import { AgentIdError } from '../base/errors.ts';
import type { KubeApi } from './kubeApi.ts';
import { kube, selectorText, type Pod } from './kubeObjects.ts';

/**
 * The name of a pod that can be talked to: Ready and not on its way out. `current` is kept while it qualifies (MCP
 * sessions live in one pod); else the youngest is taken, so that a rollout is followed and not fled from.
 * @throws tunnel.noReadyPod, and what `KubeApi.get` throws
 */
export async function pickPod(
  api: KubeApi,
  where: { namespace: string; selector: Record<string, string> },
  current: string | undefined,
  signal?: AbortSignal,
): Promise<string> {
  const { namespace, selector } = where;
  const none = (reason: string, pods?: number) =>
    new AgentIdError('tunnel.noReadyPod', {
      ...{ namespace, selector: selectorText(selector), reason },
      ...(pods !== undefined && { pods }),
    });
  if (Object.keys(selector).length === 0) throw none('the selector is empty'); // it would match every pod
  const pods = await kube.pods(api, namespace, selector, signal);
  const usable = pods.filter(isUsable);
  if (usable.some(pod => pod.metadata.name === current) && current) return current;
  const [youngest] = usable.toSorted((a, b) => age(b) - age(a) || a.metadata.name.localeCompare(b.metadata.name));
  if (!youngest) throw none(pods.length === 0 ? 'there are no pods' : pods.map(whyNot).join('; '), pods.length);
  return youngest.metadata.name;
}

function isUsable(pod: Pod): boolean {
  return !pod.metadata.deletionTimestamp && readyCondition(pod)?.status === 'True';
}

function readyCondition(pod: Pod) {
  return pod.status?.conditions?.find(condition => condition.type === 'Ready');
}

function age(pod: Pod): number {
  return Date.parse(pod.metadata.creationTimestamp ?? '') || 0;
}

function whyNot(pod: Pod): string {
  const { name, deletionTimestamp } = pod.metadata;
  if (deletionTimestamp) return `${name} is terminating`;
  const waiting = pod.status?.containerStatuses
    ?.map(({ state }) => state?.waiting?.reason ?? state?.terminated?.reason)
    .find(Boolean);
  return `${name}: ${waiting ?? readyCondition(pod)?.reason ?? pod.status?.phase ?? 'not ready'}`;
}
