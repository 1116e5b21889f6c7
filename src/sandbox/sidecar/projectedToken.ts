import { randomUUID } from 'node:crypto';
import type { World } from '../world.ts';

const LIFETIME = 3600;

/** What kubelet projects into the sidecar's pod: a ServiceAccount token for Entra's exchange audience, an hour long. */
export function projectedToken(world: World, pod: string): Promise<string> {
  const now = Math.floor(world.clock.now() / 1000);
  const { namespace, serviceAccount } = world;
  return world.clusterKey.sign({
    aud: ['api://AzureADTokenExchange'],
    exp: now + LIFETIME,
    iat: now,
    iss: world.clusterIssuer,
    jti: randomUUID(),
    'kubernetes.io': {
      namespace,
      node: { name: 'sandbox-node', uid: randomUUID() },
      pod: { name: pod, uid: randomUUID() },
      serviceaccount: { name: serviceAccount, uid: randomUUID() },
    },
    nbf: now,
    sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
  });
}
