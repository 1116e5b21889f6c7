import { AgentIdError } from '../base/errors.ts';
import { redact } from '../base/redact.ts';
import type { Pod } from '../cluster/kubeObjects.ts';
import type { DoctorErrorCode } from './errors.ts';

/** Reasons of the kubelet for a container that waits (kubernetes pkg/kubelet/images and kuberuntime). */
const PULL = /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|RegistryUnavailable)$/;
const CRASH = /^(CrashLoopBackOff|RunContainerError|StartError|CreateContainer(Config)?Error)$/;

/**
 * Why no pod of a Deployment is ready, from what the kubelet and the scheduler say of the youngest; undefined where that
 * says no more than that it is not ready.
 */
export function podTrouble(pods: readonly Pod[]): AgentIdError<DoctorErrorCode> | undefined {
  const alive = pods.filter(({ metadata }) => !metadata.deletionTimestamp);
  const pod = alive.toSorted((a, b) => created(b) - created(a))[0];
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

function trouble(code: DoctorErrorCode, args: Record<string, string | number>): AgentIdError<DoctorErrorCode> {
  return new AgentIdError(code, args);
}

function created({ metadata }: Pod): number {
  return Date.parse(metadata.creationTimestamp ?? '') || 0;
}

function cut(text: string | null | undefined): string {
  return redact((text ?? '').replace(/\s+/g, ' ').trim()).slice(0, 300);
}
