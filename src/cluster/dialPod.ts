import { AgentIdError } from '../base/errors.ts';
import type { KubeApi } from './kubeApi.ts';
import { PORT_FORWARD_PROTOCOL, PortForwardStream, type PodPort } from './portForward.ts';

const DIAL_TIMEOUT_MS = 15_000;

/**
 * Opens a TCP connection to a port inside a pod.
 * @throws what `KubeApi.openWebSocket` throws (cluster.notFound: the pod is gone), tunnel.dialFailed, tunnel.refused,
 * tunnel.podError, tunnel.protocol. A refused port often shows only after this has succeeded, as the stream's error.
 */
export async function dialPod(
  api: KubeApi,
  target: PodPort,
  options: { signal?: AbortSignal; heartbeatMs?: number } = {},
): Promise<PortForwardStream> {
  const { namespace, pod, port } = target;
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/portforward?ports=${port}`;
  const timeout = AbortSignal.timeout(DIAL_TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  try {
    const socket = await api.openWebSocket(path, PORT_FORWARD_PROTOCOL, signal);
    const stream = new PortForwardStream(socket, target, options.heartbeatMs);
    const abort = () => void stream.destroy();
    signal.addEventListener('abort', abort, { once: true });
    await stream.opened.finally(() => signal.removeEventListener('abort', abort));
    return stream;
  } catch (error) {
    options.signal?.throwIfAborted();
    if (timeout.aborted)
      throw new AgentIdError('tunnel.dialFailed', { pod, port, reason: 'ETIMEDOUT' }, { cause: error });
    if (AgentIdError.is(error, 'cluster.forbidden')) throw await nameTheVerb(api, namespace, error, signal);
    throw error;
  }
}

/**
 * A WebSocket needs the verb `get`, and from Kubernetes 1.35 on `create` as well; for the latter the server gives no
 * reason (`authorize.go`, kubernetes pull request 134577). So ask which of the two is missing.
 */
async function nameTheVerb(
  api: KubeApi,
  namespace: string,
  error: AgentIdError,
  signal: AbortSignal,
): Promise<AgentIdError> {
  if (/ cannot \w+ resource /.test(String(error.args['reason']))) return error;
  const attributes = { resource: 'pods', subresource: 'portforward', namespace };
  for (const verb of ['create', 'get']) {
    const allowed = await api.canI({ ...attributes, verb }, signal).catch(() => true); // the refusal itself matters more
    if (!allowed) return new AgentIdError('cluster.forbidden', { ...error.args, verb }, { cause: error });
  }
  return error;
}
