import * as vscode from 'vscode';
import { isGuid, missingAnswers, type ConnectionPlan } from '../agent/configuration.ts';
import { AgentIdError } from '../base/errors.ts';
import { listNamespaces, type Discovery, type DiscoveredAgent } from '../cluster/discovery.ts';
import { loadKubeconfig, type KubeconfigOptions } from '../cluster/kubeconfig.ts';
import type { KubeApi } from '../cluster/kubeApi.ts';
import { survey } from '../cluster/survey.ts';
import type { Failure } from '../protocol/common.ts';
import { agentChoices, agentHint, contextChoices } from './connectChoices.ts';
import { ask, pick } from './pick.ts';

const t = vscode.l10n.t;

type Say = (error: unknown) => Failure;

/**
 * Asks for context, namespace and agent, and for what the cluster does not say; what was used last is one press away.
 * Undefined when the person left.
 */
export async function planCluster(
  access: KubeconfigOptions,
  last: ConnectionPlan | undefined,
  say: Say,
  signal: AbortSignal,
): Promise<ConnectionPlan | undefined> {
  const title = t('Connect to an agent');
  const kubeconfig = await loadKubeconfig(access);
  if (kubeconfig.contexts.length === 0) {
    throw new AgentIdError('kubeconfig.noContexts', { files: kubeconfig.files.join(', ') });
  }
  const before = last && last.kubeconfig === access.path ? last : undefined;
  const choice = await pick(title, t('Cluster context'), contextChoices(t, kubeconfig, before));
  if (!choice) return undefined;
  if ('again' in choice) return choice.again;
  const { context } = choice;
  const api = await kubeconfig.connect(context.name);
  try {
    const lastHere = before?.context === context.name ? before : undefined;
    const namespace = await pickNamespace(api, lastHere?.namespace ?? context.namespace, signal);
    if (!namespace) return undefined;
    const found = await asking(api, () => survey(api, namespace, signal));
    const known = lastHere?.namespace === namespace ? lastHere : undefined;
    const agent = await pickAgent(found, namespace, context.name, { last: known?.deployment });
    if (!agent) return undefined;
    const answers = await askMissing(agent, known?.deployment === agent.deployment ? known.answers : {}, say);
    if (!answers) return undefined;
    return {
      mode: 'connected',
      ...(access.path && { kubeconfig: access.path }),
      context: context.name,
      namespace,
      deployment: agent.deployment,
      answers,
    };
  } finally {
    api.dispose();
  }
}

/** Another agent of the plan’s namespace; `connected`: the plan’s agent is on now. Undefined when the person left. */
export async function planOtherAgent(
  plan: ConnectionPlan,
  connected: boolean,
  access: Omit<KubeconfigOptions, 'path'>,
  say: Say,
  signal: AbortSignal,
): Promise<ConnectionPlan | undefined> {
  const kubeconfig = await loadKubeconfig({ ...access, ...(plan.kubeconfig && { path: plan.kubeconfig }) });
  const api = await kubeconfig.connect(plan.context);
  try {
    const found = await asking(api, () => survey(api, plan.namespace, signal));
    const agent = await pickAgent(found, plan.namespace, plan.context, {
      [connected ? 'current' : 'last']: plan.deployment,
    });
    if (!agent) return undefined;
    const answers = await askMissing(agent, plan.deployment === agent.deployment ? plan.answers : {}, say);
    return answers && { ...plan, deployment: agent.deployment, answers };
  } finally {
    api.dispose();
  }
}

/** Shows that something is under way: an API server that does not answer is given up only after half a minute. */
async function asking<T>(api: KubeApi, work: () => Promise<T>): Promise<T> {
  const options = { location: vscode.ProgressLocation.Window, title: t('Asking the cluster {0}', api.context) };
  return vscode.window.withProgress(options, work);
}

async function pickNamespace(
  api: KubeApi,
  known: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const title = t('Connect to an agent');
  const names = await asking(api, () => listNamespaces(api, signal));
  if (!names) {
    // listing namespaces is a right that few have
    const valid = (value: string) =>
      /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(value) ? undefined : t('Not a namespace name');
    return ask(title, t('Namespace of the agent'), valid, { value: known ?? '' });
  }
  const sorted = [...names].sort((a, b) => Number(b === known) - Number(a === known));
  return pick(
    title,
    t('Namespace of the agent'),
    sorted.map(name => ({ label: name, value: name })),
  );
}

async function pickAgent(
  found: Discovery,
  namespace: string,
  context: string,
  known: { last?: string | undefined; current?: string },
): Promise<DiscoveredAgent | undefined> {
  if (found.agents.length === 0) throw new AgentIdError('agent.noAgents', { namespace, context });
  const { refusesAgent } = await import('../gateway/agentVerdict.ts'); // the CEL engine comes with it
  return pick(t('Select an agent'), agentHint(t, found), agentChoices(t, found, refusesAgent, known));
}

/** Asks for each identifier that the cluster leaves open, and says why: often it is there and can't be read or used. */
async function askMissing(
  agent: DiscoveredAgent,
  known: ConnectionPlan['answers'],
  say: Say,
): Promise<ConnectionPlan['answers'] | undefined> {
  const answers = { ...known };
  const questions = {
    agentAppId: t('Agent identity (application id) of {0}', agent.deployment),
    tenantId: t('Tenant id'),
    blueprintAppId: t('Blueprint (application id)'),
  };
  const reasons = agent.problems
    .filter(({ code }) => code === 'discovery.invalidId' || code === 'discovery.unreadable')
    .map(problem => say(problem).sentence);
  for (const key of missingAnswers(agent, answers)) {
    const valid = (value: string) => (isGuid(value) ? undefined : t('A GUID: 8-4-4-4-12 hexadecimal digits'));
    const answer = await ask(questions[key], [t('The cluster does not say'), ...reasons].join(' · '), valid);
    if (!answer) return undefined;
    answers[key] = answer;
  }
  return answers;
}
