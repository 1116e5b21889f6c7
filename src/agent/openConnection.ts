import { AgentIdError } from '../base/errors.ts';
import { loadKubeconfig } from '../cluster/kubeconfig.ts';
import type { KubeApi } from '../cluster/kubeApi.ts';
import { survey } from '../cluster/survey.ts';
import { resolveConfiguration, type Configuration, type ConnectionPlan } from './configuration.ts';
import { Connection } from './connection.ts';
import { openSignIn } from './openSignIn.ts';
import type { Interaction, SessionDeps } from './session.ts';
import { identityOf, trustKey, trustQuestion } from './trust.ts';

/**
 * Finds what the plan names, confirms who it says it is, and opens the connection; its steps are not run yet. Throws
 * `kubeconfig.*`, `cluster.*`, `discovery.*`, `agent.agentGone`, `agent.missingValue` and `agent.notTrusted`.
 */
export async function openConnection(
  plan: ConnectionPlan,
  interaction: Interaction | undefined,
  deps: SessionDeps,
  signal: AbortSignal,
): Promise<Connection> {
  const { logger, servers, clock } = deps;
  const overrides = deps.overrides();
  const kubeconfig = await loadKubeconfig({
    ...(plan.kubeconfig && { path: plan.kubeconfig }),
    ...(overrides.proxy && { proxy: overrides.proxy }),
    logger,
    watch: deps.watchPlugin,
  });
  const api = await kubeconfig.connect(plan.context);
  try {
    const { agents, gateway, problems } = await survey(api, plan.namespace, signal);
    const agent = agents.find(candidate => candidate.deployment === plan.deployment);
    if (!agent) throw new AgentIdError('agent.agentGone', { deployment: plan.deployment, namespace: plan.namespace });
    for (const problem of [...agent.problems, ...problems]) logger.warn(`Discovery: ${problem.message}`);
    const mismatch = agent.problems.find(problem => problem.code === 'discovery.blueprintMismatch');
    if (mismatch) throw mismatch; // we would sign in for one blueprint and send the token to another
    const configuration = resolveConfiguration(agent, gateway, plan, overrides);
    await confirmTrust(plan, api, configuration, interaction, deps);
    const identity = await openSignIn(plan, configuration, deps);
    return await Connection.open({
      api,
      agent,
      gateway,
      configuration,
      ...identity,
      servers,
      logger,
      clock,
    });
  } catch (error) {
    api.dispose();
    throw error;
  }
}

/** The first use of an API server with a tenant and a blueprint is confirmed and pinned; a change asks again. */
export async function confirmTrust(
  plan: ConnectionPlan,
  api: KubeApi,
  configuration: Configuration,
  interaction: Pick<Interaction, 'trust'> | undefined,
  { trust }: Pick<SessionDeps, 'trust'>,
): Promise<void> {
  if (plan.world) return; // a sandbox, or a file that the person named: its authority came with it
  const identity = identityOf(api, configuration);
  const known = trust.get(identity.server) ?? [];
  if (known.includes(trustKey(identity))) return;
  const { context, namespace, deployment } = plan;
  const chosen = { context, namespace, deployment, authority: configuration.authority.value };
  const confirmed = await interaction?.trust(trustQuestion(identity, chosen, known[0]));
  if (!confirmed) throw new AgentIdError('agent.notTrusted');
  await trust.add(identity.server, trustKey(identity));
}
