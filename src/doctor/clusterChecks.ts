import { resolveConfiguration, type Configuration, type ConnectionPlan } from '../agent/configuration.ts';
import { AgentIdError } from '../base/errors.ts';
import { requireAccess, serverVersion } from '../cluster/accessReview.ts';
import { discover, type DiscoveredAgent, type Discovery } from '../cluster/discovery.ts';
import { loadKubeconfig } from '../cluster/kubeconfig.ts';
import type { KubeApi } from '../cluster/kubeApi.ts';
import type { Chain, Node } from './chain.ts';
import type { DoctorDeps } from './doctor.ts';
import { readyPod } from './podTrouble.ts';

/** What the cluster says, once the agent was found. */
export interface Subject {
  api: KubeApi;
  plan: ConnectionPlan;
  agent: DiscoveredAgent;
  gateway: Discovery['gateway'];
  /** What discovery found wrong with the gateway. */
  gatewayProblem: AgentIdError | undefined;
  configuration: Configuration;
}

export interface ClusterNodes {
  /** What is examined. */
  plan: Node<{ plan: ConnectionPlan }>;
  subject: Node<Subject>;
  pod: Node<string>;
}

/** From the kubeconfig to a pod that is ready. */
export function clusterChecks(chain: Chain, deps: DoctorDeps, own: (api: KubeApi) => void): ClusterNodes {
  const { settings, logger, watchPlugin: watch } = deps;
  const kubeconfig = chain.add('kubeconfig', {
    needs: [],
    look: async look => {
      const path = deps.plan?.kubeconfig ?? settings.kubeconfig;
      const { proxy } = settings;
      const found = await loadKubeconfig({ ...(path && { path }), ...(proxy && { proxy }), logger, watch });
      look.fact('files', found.files.join(', '));
      if (found.contexts.length === 0)
        throw new AgentIdError('kubeconfig.noContexts', { files: found.files.join(', ') });
      return found;
    },
  });
  const context = chain.add('context', {
    needs: [kubeconfig],
    look: async (look, [found]) => {
      const plan = deps.plan ?? (await deps.choose(look.signal));
      if (!plan) throw new AgentIdError('agent.notConnected');
      look.fact('context', plan.context);
      const api = await found.connect(plan.context);
      own(api);
      look.fact('server', api.server);
      return { plan, api };
    },
  });
  const server = chain.add('apiServer', {
    needs: [context],
    look: async (look, [{ api, plan }]) => {
      const version = await serverVersion(api, look.signal);
      look.fact('version', version?.text);
      return { api, plan };
    },
  });
  const access = chain.add('rbac', {
    needs: [server],
    look: async (look, [{ api, plan }]) => {
      const { namespace } = plan;
      look.fact('namespace', namespace);
      await requireAccess(api, namespace, look.signal);
    },
  });
  const subject = chain.add('agent', {
    needs: [server, access],
    look: async (look, [{ api, plan }]): Promise<Subject> => {
      const { namespace, deployment, context: name } = plan;
      const { agents, gateway, problems } = await discover(api, namespace, look.signal);
      if (agents.length === 0) throw new AgentIdError('agent.noAgents', { namespace, context: name });
      const agent = agents.find(candidate => candidate.deployment === deployment);
      if (!agent) throw new AgentIdError('agent.agentGone', { deployment, namespace });
      look.fact('deployment', agent.deployment);
      look.fact('agentIdentity', agent.agentAppId?.value);
      look.fact('blueprint', agent.blueprintAppId?.value);
      look.fact('tenant', agent.tenantId?.value);
      look.fact('serviceAccount', agent.serviceAccount);
      const mismatch = agent.problems.find(({ code }) => code === 'discovery.blueprintMismatch');
      if (mismatch) throw mismatch;
      const ofGateway = (problem: AgentIdError) => problem.code === 'discovery.gatewayIncomplete';
      look.remark(...agent.problems, ...problems.filter(problem => !ofGateway(problem)));
      const configuration = resolveConfiguration(agent, gateway, plan, settings);
      return { api, plan, agent, gateway, gatewayProblem: problems.find(ofGateway), configuration };
    },
  });
  const pod = chain.add('pod', {
    needs: [subject],
    look: async (look, [{ api, agent }]) => {
      const { name, restarts } = await readyPod(api, agent, look.signal);
      look.fact('pod', name);
      if (restarts > 0) look.fact('restarts', restarts);
      return name;
    },
  });
  return { plan: context, subject, pod };
}
