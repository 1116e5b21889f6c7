import { AgentIdError } from '../base/errors.ts';
import { openTunnel, type Tunnel } from '../cluster/tunnel.ts';
import { Sidecar } from '../identity/sidecar.ts';
import type { Chain, Node } from './chain.ts';
import type { ClusterNodes } from './clusterChecks.ts';
import type { DoctorDeps } from './doctor.ts';

export interface SidecarNodes {
  settings: Node<void>;
  health: Node<Sidecar>;
}

/** How the sidecar is set up, the way to it, and whether it lives. */
export function sidecarChecks(
  chain: Chain,
  { subject, pod }: ClusterNodes,
  deps: DoctorDeps,
  own: (tunnel: Tunnel) => void,
): SidecarNodes {
  const settings = chain.add('sidecar', {
    needs: [subject],
    look: async (look, [{ agent, configuration }]) => {
      const { image, overrides, credential, environment } = agent.sidecar;
      look.fact('image', image);
      look.fact('credential', credential?.value);
      look.fact('overrides', overrides?.value);
      const version = /:(\d+\.\d+\.\d+)/.exec(image)?.[1];
      const old = version?.startsWith('1.0.') === true;
      if (version && old) look.remark(new AgentIdError('doctor.oldSidecar', { version }));
      if (environment?.value.toLowerCase() === 'development')
        look.remark(new AgentIdError('doctor.development', { source: environment.source }));
      if (credential?.value.toLowerCase() === 'clientsecret')
        look.remark(new AgentIdError('doctor.clientSecret', { source: credential.source }));
      if (overrides?.value.toLowerCase() === 'false' && !old)
        throw new AgentIdError('doctor.overridesOff', {
          setting: 'Sidecar__AllowOverrides__GetAuthorizationHeader',
          source: overrides.source,
        });
      for (const api of [configuration.llmApi.value, configuration.mcpApi.value])
        if (!agent.apis.some(({ name }) => name === api)) look.remark(new AgentIdError('sidecar.unknownApi', { api }));
    },
  });
  const tunnel = chain.add('tunnel', {
    needs: [subject, pod],
    look: async (look, [{ api, agent }]) => {
      const { namespace, selector, sidecarPort: port } = agent;
      const { logger } = deps;
      const opened = await openTunnel({ api, name: 'sidecar', namespace, selector, port, connections: 2, logger });
      own(opened);
      await reach(opened, look.signal);
      look.fact('pod', opened.state.pod);
      return opened;
    },
  });
  const health = chain.add('health', {
    needs: [tunnel],
    look: async (look, [opened]) => {
      const sidecar = new Sidecar({ origin: opened.origin, fetch: opened.fetch, logger: deps.logger });
      await sidecar.healthz(look.signal);
      return sidecar;
    },
  });
  return { settings, health };
}

const REACH_TIMEOUT_MS = 30_000;

/** Any answer at all proves the way; throws what the tunnel throws. */
export async function reach(tunnel: Tunnel, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.timeout(REACH_TIMEOUT_MS);
  try {
    const response = await tunnel.fetch(`${tunnel.origin}/healthz`, { signal: AbortSignal.any([signal, limit]) });
    await response.body?.cancel();
  } catch (error) {
    signal.throwIfAborted();
    if (tunnel.state.error && !AgentIdError.is(error)) throw tunnel.state.error;
    throw error;
  }
}
