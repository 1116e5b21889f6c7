import type { ConnectionPlan } from '../agent/configuration.ts';
import type { World } from '../agent/world.ts';
import { AgentIdError } from '../base/errors.ts';

/** The plan for a sandbox: its connection JSON says everything, and its first agent is the one to start with. */
export function planSandbox(world: World, keepSignIn: boolean, last: ConnectionPlan | undefined): ConnectionPlan {
  const again = world.agents.find(agent => last?.mode === 'sandbox' && agent.deployment === last.deployment);
  const deployment = (again ?? world.agents[0])?.deployment;
  if (!deployment) throw new AgentIdError('agent.noAgents', { namespace: world.namespace, context: world.context });
  const { kubeconfig, context, namespace, caFile } = world;
  return {
    mode: 'sandbox',
    kubeconfig,
    context,
    namespace,
    deployment,
    answers: {},
    world: { authority: new URL(world.authority).origin, keepSignIn, ...(caFile && { caFile }) },
  };
}
