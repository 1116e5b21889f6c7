import { posix } from 'node:path';
import { AgentIdError } from '../base/errors.ts';
import type { Pod } from '../cluster/kubeObjects.ts';

/** What the webhook of workload identity tells a container, and the sidecar goes by where its settings name no file. */
const TOLD_BY_WEBHOOK = 'AZURE_FEDERATED_TOKEN_FILE';

/** What Entra's exchange demands in `aud`; the national clouds put their own name behind it (Microsoft Learn, "Workload identity federation"). */
const EXCHANGE = /^api:\/\/AzureADTokenExchange\w*$/;

/**
 * The audience of the ServiceAccount token that the kubelet puts where the sidecar reads it. `told` is the path in the
 * sidecar's settings. Looks at a pod, and not at its Deployment: there is what a webhook has added. Throws
 * `doctor.noTokenFile` and `doctor.tokenAudience`.
 */
export function audienceOfTokenFile(pod: Pod, container: string, told: string | undefined): string {
  const { containers, initContainers, volumes } = pod.spec;
  const { name: podName } = pod.metadata;
  const sidecar = [...(containers ?? []), ...(initContainers ?? [])].find(({ name }) => name === container);
  const byWebhook = sidecar?.env?.find(({ name }) => name === TOLD_BY_WEBHOOK)?.value;
  const path = told ?? byWebhook ?? '';
  for (const { name, mountPath, subPath } of sidecar?.volumeMounts ?? []) {
    const volume = volumes?.find(each => each.name === name);
    for (const { serviceAccountToken: token } of volume?.projected?.sources ?? []) {
      if (!token) continue;
      const file = subPath ? (subPath === token.path ? mountPath : undefined) : posix.join(mountPath, token.path);
      if (!file || posix.normalize(file) !== posix.normalize(path)) continue;
      const audience = (token.audience ?? '').slice(0, 200);
      if (!EXCHANGE.test(audience)) throw new AgentIdError('doctor.tokenAudience', { pod: podName, path, audience });
      return audience;
    }
  }
  throw new AgentIdError('doctor.noTokenFile', { pod: podName, path: path || TOLD_BY_WEBHOOK });
}
