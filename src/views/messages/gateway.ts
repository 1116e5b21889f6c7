import type { GatewayErrorCode } from '../../gateway/errors.ts';
import { quoted, type Catalogue, type Translate } from './catalogue.ts';
import { AzureFixes } from './fixes/azure.ts';
import { ClusterFixes } from './fixes/cluster.ts';
import type { Place } from './place.ts';

/** Words for what the gateway, and the model behind it, refuse. */
export function gatewayMessages(t: Translate, place: Place): Catalogue<GatewayErrorCode> {
  const fixes = new ClusterFixes(t, place);
  const azure = new AzureFixes(t, place);
  const detail = quoted(t);
  const seconds = (value: string) =>
    value && value !== '0' ? t('Try again in {0} s.', value) : t('Try again in a minute.');
  const compare = t('Compare the token in the inspector with the jwtAuth block of this route in the gateway’s file.');
  return {
    'gateway.tokenMissing': v => ({
      sentence: t('The gateway got no token on {0}.', v('route')),
      next: t('Something on the way removed the Authorization header; look for a proxy.'),
      who: 'clusterAdmin',
    }),
    'gateway.tokenExpired': v => ({
      sentence: t('The gateway says that the token for {0} has expired.', v('route')),
      next: t('Check the clocks of this machine and of the cluster.'),
      who: 'you',
      actions: ['agentId.showTokens'],
    }),
    'gateway.audienceRejected': v => ({
      sentence: t('The gateway’s route {0} wants a token for another audience.', v('route')),
      next: compare,
      who: 'clusterAdmin',
      fix: fixes.allowAudience(v('route')),
      actions: ['agentId.showTokens', 'agentId.showConfiguration'],
    }),
    'gateway.issuerRejected': v => ({
      sentence: t(
        'The gateway’s route {0} wants another issuer: usually the other token version (v1 or v2).',
        v('route'),
      ),
      next: compare,
      who: 'clusterAdmin',
      fix: fixes.allowIssuer(v('route')),
      actions: ['agentId.showTokens', 'agentId.showConfiguration'],
    }),
    'gateway.signatureRejected': v => ({
      sentence: t('The gateway does not know the key that signed the token for {0}.', v('route')),
      next: t('Check the tenant in the jwks URL of this route; after a key change the gateway needs up to 15 minutes.'),
      who: 'clusterAdmin',
      fix: fixes.setKeys(v('route')),
      actions: ['agentId.showTokens'],
    }),
    'gateway.tokenRejected': v => ({
      sentence: t('The gateway refused the token on {0}.', v('route')),
      next: compare,
      who: 'clusterAdmin',
      fix: fixes.gatewayLog(),
      actions: ['agentId.showTokens'],
    }),
    'gateway.forbidden': v => ({
      sentence: t('An authorization rule of the gateway refuses you on {0}.', v('route')),
      next: t('The rules are in the gateway’s file, under authorization of this route.'),
      who: 'clusterAdmin',
      fix: fixes.editGateway(
        v('route'),
        `authorization:\n  rules:\n    - require: has(jwt.scp) # ${t('for example: a user stands behind the token')}`,
      ),
      actions: ['agentId.showTokens'],
    }),
    'gateway.routeMissing': v => ({
      sentence: t('The gateway has no route for {0}.', v('route')),
      next: t('Compare the paths in the client ConfigMap with the routes in the gateway’s file.'),
      who: 'clusterAdmin',
      fix: fixes.addRoute(v('route')),
      actions: ['agentId.showConfiguration'],
    }),
    'gateway.guardrail': v => ({
      sentence: t('A guard of the gateway refused the text: {0}', detail(v)),
      next: t('Say it differently, or ask who runs the gateway.'),
      who: 'you',
    }),
    'gateway.rateLimited': v => ({
      sentence: t('The gateway’s own rate limit for {0} is reached.', v('route')),
      next: seconds(v('resetSeconds')),
      who: 'you',
    }),
    'gateway.requestTooLarge': v => ({
      sentence: t('The conversation is larger than the gateway accepts on {0}.', v('route')),
      next: t('Start a new chat, or raise frontendPolicies.http.maxBufferSize.'),
      who: 'you',
      fix: fixes.raiseBuffer(),
      actions: ['agentId.newChat'],
    }),
    'gateway.requestRejected': v => ({
      sentence: t('The gateway could not use our request on {0}: {1}', v('route'), detail(v)),
      next: t('Check ai.routes of this route: chat/completions must map to “completions”.'),
      who: 'clusterAdmin',
      fix: fixes.editGateway(v('route'), 'ai:\n  routes:\n    /chat/completions: completions\n    "*": passthrough'),
      actions: ['agentId.showConfiguration'],
    }),
    'gateway.upstreamUnreachable': v => ({
      sentence: t('The gateway can’t reach what is behind {0}: {1}', v('route'), detail(v)),
      next: t('Check the backend’s host and the cluster’s way out.'),
      who: 'clusterAdmin',
      fix: fixes.gatewayLog(),
    }),
    'gateway.upstreamTimeout': v => ({
      sentence: t('What is behind {0} did not answer the gateway in time.', v('route')),
      next: t('Try again; if it stays, look at the timeouts in the gateway’s file.'),
      who: 'you',
      fix: fixes.editGateway(v('route'), 'timeout:\n  backendRequestTimeout: 300s'),
    }),
    'gateway.unexpected': v => ({
      sentence: t('The gateway answered on {0} with status {1}: {2}', v('route'), v('status'), detail(v)),
      next: t('Its log has this request; the tool card shows its trace id.'),
      who: 'clusterAdmin',
      fix: fixes.gatewayLog(),
      actions: ['agentId.showLog'],
    }),
    'gateway.configUnreadable': v => ({
      sentence: t('The gateway’s file is not valid YAML (line {0}): {1}', v('line'), detail(v)),
      next: t('Correct the ConfigMap that its pod mounts, then connect again.'),
      who: 'clusterAdmin',
      fix: fixes.checkFile(),
      actions: ['agentId.connect'],
    }),
    'llm.tokenRejected': v => ({
      sentence: t('Azure OpenAI refused the agent’s token: {0}', detail(v)),
      next: t('The token passed the gateway; check that its audience is https://cognitiveservices.azure.com.'),
      who: 'clusterAdmin',
      fix: fixes.editGateway(place.get('llmPath'), 'backendAuth:\n  passthrough: {}'),
      actions: ['agentId.showTokens'],
    }),
    'llm.keyRejected': v => ({
      sentence: t('{0} refused the API key.', v('host')),
      next: t('Set the key again.'),
      who: 'you',
      actions: ['agentId.setApiKey'],
    }),
    'llm.forbidden': v => ({
      sentence: t('Azure OpenAI knows the caller and says no: {0}', detail(v)),
      next: t(
        'Assign the role “Cognitive Services OpenAI User” on the resource to the user and to the agent identity; it takes minutes.',
      ),
      who: 'azureAdmin',
      fix: azure.assignRole(),
    }),
    'llm.deploymentMissing': v => ({
      sentence: t('The resource has no deployment “{0}”.', v('deployment')),
      next: t('Set agentId.llmDeployment, or correct the client ConfigMap.'),
      who: 'you',
      ...(place.knows('llmPath') && {
        fix: `${azure.listDeployments(v('deployment'))}\n\n${fixes.setDeployment()}`, // with an API key there is no cluster
      }),
      actions: ['agentId.openSettings', 'agentId.showConfiguration'],
    }),
    'llm.notFound': v => ({
      sentence: t('The model’s host has nothing at this address: {0}', detail(v)),
      next: t('Check endpoint and API version.'),
      who: 'you',
      ...(place.knows('llmPath') && {
        fix: fixes.editGateway(place.get('llmPath'), 'urlRewrite:\n  path:\n    prefix: /'),
      }),
      actions: ['agentId.showConfiguration'],
    }),
    'llm.rateLimited': v => ({
      sentence: t('The model’s own limit is reached (429): {0}', detail(v)),
      next: seconds(v('retryAfterSeconds')),
      who: 'you',
    }),
    'llm.contentFiltered': v => ({
      sentence: t('The model’s content filter refused the prompt ({0}).', v('categories') || t('no category given')),
      next: t('Say it differently.'),
      who: 'you',
    }),
    'llm.contextTooLong': () => ({
      sentence: t('The conversation is longer than the model takes.'),
      next: t('Start a new chat.'),
      who: 'you',
      actions: ['agentId.newChat'],
    }),
    'llm.requestRejected': v => ({
      sentence: t('The model’s host refused the request (status {0}): {1}', v('status'), detail(v)),
      next: t('Check the API version and the deployment.'),
      who: 'you',
      actions: ['agentId.showConfiguration'],
    }),
    'llm.unavailable': v => ({
      sentence: t('The model’s host is out of order (status {0}): {1}', v('status'), detail(v)),
      next: t('Try again in a minute.'),
      who: 'you',
    }),
    'llm.unreachable': v => ({
      sentence: t('{0} can’t be reached: {1}', v('host'), detail(v)),
      next: t('Check the endpoint and the network.'),
      who: 'you',
      actions: ['agentId.showConfiguration'],
    }),
    'llm.timeout': v => ({
      sentence: t('The model did not answer within {0} seconds.', v('seconds')),
      next: t('Try again.'),
      who: 'you',
    }),
    'llm.interrupted': v => ({
      sentence: t('The answer broke off: {0}', detail(v)),
      next: t('What came is above; ask the model to go on.'),
      who: 'you',
    }),
    'llm.malformed': v => ({
      sentence: t('The answer is no chat completion: {0}', detail(v)),
      next: t('Check that the endpoint speaks the OpenAI protocol.'),
      who: 'you',
      actions: ['agentId.showConfiguration'],
    }),
    'llm.answerTooLarge': () => ({
      sentence: t('The answer is larger than any sensible one and was cut.'),
      next: t('Ask for less at a time.'),
      who: 'you',
    }),
    'llm.endpointInvalid': () => ({
      sentence: t('The endpoint for the API key is not an https URL.'),
      next: t('Set it again.'),
      who: 'you',
      actions: ['agentId.setApiKey'],
    }),
  };
}
