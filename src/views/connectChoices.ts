import type { ConnectionPlan } from '../agent/configuration.ts';
import type { DiscoveredAgent, Discovery } from '../cluster/discovery.ts';
import type { Kubeconfig, KubeContextInfo } from '../cluster/kubeconfig.ts';
import { agentOrder } from './agentOrder.ts';
import type { Translate } from './messages/catalogue.ts';
import type { Choice } from './pick.ts';

/** A context to look for agents in, or all that was chosen the last time. */
export type ContextChoice = { context: KubeContextInfo } | { again: ConnectionPlan };

/** What was used last, whole, if the kubeconfig still has it; then the contexts, beginning with the one used last. */
export function contextChoices(
  t: Translate,
  kubeconfig: Kubeconfig,
  last: ConnectionPlan | undefined,
): Choice<ContextChoice>[] {
  const { contexts, currentContext, files } = kubeconfig;
  const first = last?.context ?? currentContext;
  const sorted = contexts.toSorted((a, b) => Number(b.name === first) - Number(a.name === first));
  const choices = sorted.map(context => ({
    label: context.name,
    description: context.name === currentContext ? t('current context') : '',
    detail: files.length > 1 ? `${context.server} · ${context.file}` : context.server,
    value: { context },
  }));
  if (!last || !contexts.some(({ name }) => name === last.context)) return choices;
  const again = {
    label: last.deployment,
    description: t('used last'),
    detail: `${last.context} · ${last.namespace}`,
    value: { again: last },
  };
  return [again, ...choices];
}

/** The agents of a namespace, with what is known of them; `refuses` is `refusesAgent` of the gateway. */
export function agentChoices(
  t: Translate,
  found: Discovery,
  refuses: Parameters<typeof agentOrder>[2],
  known: { last?: string | undefined; current?: string },
): Choice<DiscoveredAgent>[] {
  return agentOrder(found, known.current ?? known.last, refuses).map(({ agent, refused }) => ({
    label: agent.deployment,
    description: [
      agent.deployment === known.current
        ? t('connected now')
        : (agent.agentAppId?.value ?? t('no agent identity named')),
      ...(agent.deployment === known.last ? [t('used last')] : []),
    ].join(' · '),
    detail: [
      t('ServiceAccount {0}', agent.serviceAccount),
      ...(refused ? [t('the gateway’s rules refuse it every tool')] : []),
    ].join(' · '),
    value: agent,
  }));
}

/** Above the list of agents: what whoever chooses among those of one ServiceAccount should know. */
export function agentHint(t: Translate, { agents }: Discovery): string {
  const shared = new Set(agents.map(agent => agent.serviceAccount)).size < agents.length;
  return shared ? t('Agents that share a ServiceAccount are not isolated from each other') : t('Agent');
}
