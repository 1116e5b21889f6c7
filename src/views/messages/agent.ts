import type { AgentErrorCode } from '../../agent/errors.ts';
import type { ViewErrorCode } from '../errors.ts';
import { trail, type Catalogue, type Translate } from './catalogue.ts';
import { ClusterFixes } from './fixes/cluster.ts';
import { EntraFixes } from './fixes/entra.ts';
import type { Place } from './place.ts';

/** Words for what goes wrong in a turn, and while a connection is put together. */
export function agentMessages(t: Translate, place: Place): Catalogue<AgentErrorCode | ViewErrorCode> {
  const entra = new EntraFixes(t, place);
  const identifiers: Partial<Record<string, string>> = {
    agentAppId: t('agent identity'),
    tenantId: t('tenant'),
    blueprintAppId: t('blueprint'),
  };
  return {
    cancelled: () => ({ sentence: t('Cancelled.'), next: '' }),
    'agent.notConnected': () => ({
      sentence: t('Nothing is connected.'),
      next: t('Connect to a cluster, start the sandbox, or use an API key.'),
      actions: ['agentId.connect', 'agentId.startSandbox', 'agentId.setApiKey'],
    }),
    'agent.stepLimit': v => ({
      sentence: t('The agent asked for tools {0} times in a row and was stopped.', v('steps')),
      next: t('Tell it what to do next, or ask a smaller question.'),
    }),
    'agent.answerCut': () => ({
      sentence: t('The answer reached the model’s length limit.'),
      next: t('Ask it to go on.'),
    }),
    'agent.contentFiltered': () => ({
      sentence: t('The model’s content filter withheld the rest of the answer.'),
      next: t('Say it differently.'),
    }),
    'agent.noSuchTool': v => ({
      sentence: t('The model asked for a tool “{0}” that nobody offers.', v('tool')),
      next: t('It was told so.'),
    }),
    'agent.badArguments': v => ({
      sentence: t('The model’s arguments for “{0}” are not valid JSON.', v('tool')),
      next: t('It was asked to send them again.'),
    }),
    'agent.signInNeeded': () => ({
      sentence: t('You are not signed in.'),
      next: t('Sign in to go on.'),
      actions: ['agentId.signIn'],
    }),
    'agent.signInDidNotHelp': v => ({
      sentence: t(
        'You signed in again, and the token for “{0}” is still refused: {1}{2}',
        v('api'),
        v('detail') || v('reason') || t('no reason given'),
        trail(v),
      ),
      next: t(
        'Ask an Entra admin: the sidecar can’t pass on what a policy asks for, so let the policy of that API cover the blueprint too. Then try again.',
      ),
      who: 'entraAdmin',
      fix: entra.policyException(
        t(
          'add the blueprint {0} to its target resources, so that the sign-in itself meets it; or exclude the resource of “{1}”. If no policy is named there, AzureAd__ClientId of the sidecar may be another blueprint.',
          place.get('blueprintAppId'),
          v('api'),
        ),
      ),
      actions: ['agentId.forceSignIn'],
    }),
    'agent.tooManyTools': v => ({
      sentence: t('There are {0} tools, and a model takes {1} at most.', v('tools'), v('limit')),
      next: t('Turn off a server in the view MCP Servers, then try again.'),
      who: 'you',
    }),
    'agent.missingValue': v => ({
      sentence: t('{1} does not say its {0}.', identifiers[v('what')] ?? v('what'), v('where')),
      next: t('Connect again and give it, or add it to the cluster (k8s/README.md names each place).'),
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'agent.noAgents': v => ({
      sentence: t(
        'There is no agent in namespace {0} of context {1}: no Deployment there has the sidecar.',
        v('namespace'),
        v('context'),
      ),
      next: t('Choose another namespace, or deploy k8s/base there.'),
      who: 'you',
      actions: ['agentId.connect', 'agentId.startSandbox'],
    }),
    'agent.agentGone': v => ({
      sentence: t('The Deployment {0} is no longer in namespace {1}.', v('deployment'), v('namespace')),
      next: t('Connect again and choose another agent.'),
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'agent.noGateway': v => ({
      sentence: t(
        'There is no gateway in namespace {0}, so there is no way to the model and to the tools.',
        v('namespace'),
      ),
      next: t(
        'Deploy it (k8s/base), with the label app.kubernetes.io/name: agentgateway on its Service. The tokens work without it.',
      ),
      who: 'clusterAdmin',
      fix: new ClusterFixes(t, place).deployGateway(),
      actions: ['agentId.showTokens'],
    }),
    'agent.gatewayNeedsSignIn': () => ({
      sentence: t('Needs sign-in: with an API key there is no token for the gateway.'),
      next: t('Connect to a cluster or start the sandbox to use its tools.'),
      actions: ['agentId.connect'],
    }),
    'agent.notTrusted': () => ({
      sentence: t('The cluster’s identity is not confirmed, so nothing was sent to it.'),
      next: t('Connect again and confirm it, if you know it.'),
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'agent.connectionFile': v => ({
      sentence: t('The connection file {0} can’t be used: {1}.', v('path'), v('problem')),
      next: t('Correct or clear the setting agentId.connectionFile.'),
      who: 'you',
      actions: ['agentId.openSettings'],
    }),
    'agent.noApiKey': () => ({
      sentence: t('There is no API key for this endpoint.'),
      next: t('Set it; it is kept in secret storage.'),
      who: 'you',
      actions: ['agentId.setApiKey'],
    }),
    'agent.setting': v => ({
      sentence: t('The setting {0} can’t be used: {1}.', v('setting'), v('problem')),
      next: t('Correct it.'),
      who: 'you',
      actions: ['agentId.openSettings'],
    }),
    'kubeconfig.noContexts': v => ({
      sentence: t('The kubeconfig names no context ({0}).', v('files')),
      next: t('Set agentId.kubeconfig to a file that does, or try the sandbox.'),
      who: 'you',
      actions: ['agentId.openSettings', 'agentId.startSandbox'],
    }),
    'sandbox.failed': v => ({
      sentence: t('The sandbox did not start: {0}', v('problem')),
      next: t('The log has what it said.'),
      who: 'you',
      actions: ['agentId.showLog'],
    }),
  };
}
