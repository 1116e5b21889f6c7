import { AgentIdError } from '../base/errors.ts';
import { redact } from '../base/redact.ts';
import type { KubeApi } from '../cluster/kubeApi.ts';
import { kube, type Pod } from '../cluster/kubeObjects.ts';
import { pickPod } from '../cluster/pods.ts';
import type { DoctorErrorCode } from './errors.ts';

/** Reasons of the kubelet for a container that waits (kubernetes pkg/kubelet/images and kuberuntime). */
const PULL = /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|RegistryUnavailable)$/;
const CRASH = /^(CrashLoopBackOff|RunContainerError|StartError|CreateContainer(Config)?Error)$/;

/** The pod that a tunnel would take, and how often its containers began anew. Throws why there is none: as kubelet or scheduler say it, else `tunnel.noReadyPod`. */
export async function readyPod(
  api: KubeApi,
  where: { namespace: string; selector: Record<string, string> },
  signal: AbortSignal,
): Promise<{ name: string; restarts: number }> {
  const pods = await kube.pods(api, where.namespace, where.selector, signal);
  const name = await pickPod(api, where, undefined, signal).catch((error: unknown) => {
    throw (AgentIdError.is(error, 'tunnel.noReadyPod') && podTrouble(pods)) || error;
  });
  const status = pods.find(({ metadata }) => metadata.name === name)?.status;
  const restarts = (status?.containerStatuses ?? []).reduce((sum, each) => sum + (each.restartCount ?? 0), 0);
  return { name, restarts };
}

/**
 * Why no pod of a Deployment is ready, from what the kubelet and the scheduler say of the youngest; undefined where that
 * says no more than that it is not ready.
 */
function podTrouble(pods: readonly Pod[]): AgentIdError<DoctorErrorCode> | undefined {
  const pod = newest(pods);
  if (!pod) return undefined;
  const { name } = pod.metadata;
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const { name: container, image, restartCount, state, lastState } of statuses) {
    const { reason = '', message } = state?.waiting ?? {};
    if (reason && PULL.test(reason))
      return trouble('doctor.imagePull', { pod: name, container, image: image ?? '', reason, detail: cut(message) });
    const ended = state?.terminated ?? lastState?.terminated;
    if ((reason && CRASH.test(reason)) || (state?.terminated && state.terminated.exitCode !== 0))
      return trouble('doctor.crashLoop', {
        ...{ pod: name, container, exitCode: ended?.exitCode ?? 'none', restarts: restartCount ?? 0 },
        reason: cut(ended?.reason) || reason || 'Error',
      });
  }
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False')
    return trouble('doctor.unschedulable', { pod: name, detail: cut(scheduled.message ?? scheduled.reason) });
  return undefined;
}

/** The youngest of the pods that are not about to go. */
export function newest(pods: readonly Pod[]): Pod | undefined {
  const alive = pods.filter(({ metadata }) => !metadata.deletionTimestamp);
  return alive.toSorted((a, b) => created(b) - created(a))[0];
}

function trouble(code: DoctorErrorCode, args: Record<string, string | number>): AgentIdError<DoctorErrorCode> {
  return new AgentIdError(code, args);
}

function created({ metadata }: Pod): number {
  return Date.parse(metadata.creationTimestamp ?? '') || 0;
}

function cut(text: string | null | undefined): string {
  return redact((text ?? '').replace(/\s+/g, ' ').trim()).slice(0, 300);
}
