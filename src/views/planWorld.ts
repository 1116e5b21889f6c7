import type { ConnectionPlan } from '../agent/configuration.ts';
import type { World } from '../agent/world.ts';
import { AgentIdError } from '../base/errors.ts';
import { isLoopback } from '../base/loopback.ts';

/**
 * The plan for what a connection JSON describes: it says everything, and its first agent is the one to start with. It is a
 * sandbox when its authority is on this machine; a file may as well describe a real tenant, which must not look simulated.
 */
export function planWorld(world: World, keepSignIn: boolean, last: ConnectionPlan | undefined): ConnectionPlan {
  const authority = new URL(world.authority);
  const mode = isLoopback(authority.hostname) ? 'sandbox' : 'connected';
  const again = world.agents.find(agent => last?.mode === mode && agent.deployment === last.deployment);
  const deployment = (again ?? world.agents[0])?.deployment;
  if (!deployment) throw new AgentIdError('agent.noAgents', { namespace: world.namespace, context: world.context });
  const { kubeconfig, context, namespace, caFile } = world;
  return {
    mode,
    kubeconfig,
    context,
    namespace,
    deployment,
    answers: {},
    world: { authority: authority.origin, keepSignIn, ...(caFile && { caFile }) },
  };
}
