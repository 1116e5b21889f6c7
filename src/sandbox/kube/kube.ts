import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Api } from './api.ts';
import { Cluster } from './cluster.ts';
import { clusterControl } from './control.ts';
import { Authenticator, createClientCertificate } from './credentials.ts';
import { applyFixture } from './fixtures.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { readManifests } from './manifests.ts';
import { ApiServer } from './server.ts';
import type { Kubernetes, KubernetesControl, KubernetesOptions } from './types.ts';
import { Upgrades } from './upgrade.ts';

const CONTEXT = 'agent-id-sandbox';
const ADMIN_CONTEXT = `${CONTEXT}-admin`;
const READY_DELAY_MS = 600;
/**
 * Starts a simulated Kubernetes cluster on 127.0.0.1: an API server over TLS with the objects of the project's own
 * manifests, pods for their Deployments, and port-forwarding to where `ports` says. Throws when a manifest is not valid
 * or a `${VAR}` has no value.
 */
export async function startKubernetes(options: KubernetesOptions): Promise<Kubernetes> {
  const { ca, clock, ports } = options;
  const namespace = options.values.NAMESPACE;
  if (!namespace) throw new Error('The manifests need a value for NAMESPACE.');
  const values = { ...options.values, DEVELOPER: options.user };
  const cluster = new Cluster({ clock, namespace, values, caPem: ca.pem });
  const manifests = [
    ...(await readManifests(join(options.manifests, 'base'))),
    await readFile(join(options.manifests, 'examples/role-binding.yaml'), 'utf8'),
  ].join('\n---\n');

  const authenticator = new Authenticator(options.user);
  const api = new Api(cluster, authenticator, clock, options.issuer);
  const upgrades = new Upgrades(api, cluster);
  const admin = await createClientCertificate(ADMIN_CONTEXT, 'system:masters');
  const tls = await ca.issue('kube-apiserver', ['127.0.0.1', 'localhost', 'kubernetes', 'kubernetes.default.svc']);
  const server = new ApiServer(api, upgrades, tls, admin);

  const restore = (change?: () => void) => {
    cluster.controller.readyDelayMs = 0; // what is there from the start is Ready from the start
    for (const [name, address] of Object.entries(ports.sidecar)) cluster.setBackend(name, 5000, address);
    cluster.setBackend('agentgateway', 3000, ports.gateway);
    cluster.apply(manifests);
    control.setConfigMap('agentgateway-config', { 'config.yaml': options.gatewayConfigText });
    change?.();
    cluster.controller.readyDelayMs = READY_DELAY_MS;
  };
  const kubeconfig = join(options.directory, 'kubeconfig');
  const saveKubeconfig = () =>
    writeKubeconfig(kubeconfig, {
      server: `https://127.0.0.1:${server.port}`,
      caPem: ca.pem,
      namespace,
      context: CONTEXT,
      adminContext: ADMIN_CONTEXT,
      token: authenticator.renew(),
      admin,
    });

  const control: KubernetesControl = {
    ...clusterControl(cluster, clock),
    cutConnections: () => server.cut(),
    cutTunnels: () => server.cut(clientPorts(upgrades.open)),
    freezeTunnels: frozen => upgrades.freeze(frozen),
    refuseUpgrades: refused => void (upgrades.refused = refused),
    goAway: () => server.stop(),
    back: () => server.listen(),
    expireToken: () => authenticator.expire(),
    renewToken: saveKubeconfig,
    fixture(name) {
      cluster.clear();
      restore(() => applyFixture(name, cluster, { values, ports, user: options.user }));
    },
    endWatches: () => api.endWatches(),
    tunnels: () => upgrades.size,
    async reset() {
      control.allowAll();
      upgrades.freeze(false);
      upgrades.refused = false;
      cluster.clear();
      restore();
      await server.listen();
      if (authenticator.token === undefined) await saveKubeconfig();
    },
  };

  restore();
  await server.listen();
  api.address = `127.0.0.1:${server.port}`;
  await saveKubeconfig();

  return {
    origin: `https://127.0.0.1:${server.port}`,
    kubeconfig,
    context: CONTEXT,
    adminContext: ADMIN_CONTEXT,
    namespace,
    control,
    async close() {
      upgrades.freeze(false);
      api.endWatches();
      await server.stop();
      cluster.controller.dispose();
    },
  };
}

function clientPorts(streams: Iterable<object>): Set<number> {
  return new Set([...streams].map(stream => (stream as { remotePort?: number }).remotePort ?? 0));
}
