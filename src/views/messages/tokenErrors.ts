import type { IdentityErrorCode } from '../../identity/errors.ts';
import { type Catalogue, type Translate } from './catalogue.ts';
import { ClusterFixes } from './fixes/cluster.ts';
import { plain, type Place } from './place.ts';

type Code = Extract<IdentityErrorCode, `token.${string}` | `userToken.${string}` | `agentToken.${string}`>;

/** Words for tokens that are not what was asked for: they are not used. */
export function tokenErrorMessages(t: Translate, place: Place): Catalogue<Code> {
  const cluster = new ClusterFixes(t, place);
  const signInAgain = t('Sign in again.');
  return {
    'token.malformed': v => ({
      sentence: t('What arrived is not a readable token: {0}.', v('reason')),
      next: t('Force new tokens in the inspector; if it stays, look at the sidecar’s log.'),
      who: 'clusterAdmin',
      fix: cluster.sidecarLog(),
      actions: ['agentId.showLog'],
    }),
    'token.tooLarge': v => ({
      sentence: t('A token of {0} bytes arrived; none is longer than {1}.', v('bytes'), v('limit')),
      next: t('It was not used. Look at what answers in the sidecar’s place.'),
      who: 'clusterAdmin',
      fix: cluster.sidecarLog(),
    }),
    'userToken.wrongAudience': v => ({
      sentence: t('The user token is for {0}, not for the blueprint {1}.', v('actual'), v('expected')),
      next: t('Check the blueprint id in Show Configuration, then force a sign-in.'),
      who: 'you',
      actions: ['agentId.showConfiguration', 'agentId.forceSignIn'],
    }),
    'userToken.wrongTenant': v => ({
      sentence: t('The user token comes from tenant {0}; the agent is in {1}.', v('actual'), v('expected')),
      next: t('Sign in with an account of the agent’s tenant.'),
      who: 'you',
      actions: ['agentId.forceSignIn'],
    }),
    'userToken.scopeMissing': v => ({
      sentence: t('The user token has the scopes “{0}” and lacks {1}.', v('actual'), v('expected')),
      next: t('Set agentId.scopeName to the scope that the blueprint exposes.'),
      who: 'you',
      actions: ['agentId.openSettings'],
    }),
    'userToken.expired': () => ({
      sentence: t('The user token had expired when it arrived: the clock of this machine is wrong.'),
      next: t('Correct the clock, then sign in again.'),
      who: 'you',
      actions: ['agentId.forceSignIn'],
    }),
    'userToken.claimMissing': v => ({
      sentence: t('The user token does not say whose it is: the claim {0} is missing.', v('claim')),
      next: signInAgain,
      who: 'you',
      actions: ['agentId.forceSignIn'],
    }),
    'agentToken.audienceUnknown': v => ({
      sentence: t(
        'The sidecar’s configuration names no audience for the API “{0}”, so its token can’t be checked.',
        v('api'),
      ),
      next: t('Set DownstreamApis__{0}__Scopes__0 to <resource>/.default in the sidecar’s ConfigMap.', v('api')),
      who: 'clusterAdmin',
      fix: cluster.setScope(v('api')),
      actions: ['agentId.showConfiguration'],
    }),
    'agentToken.wrongAgent': v => ({
      sentence: t(
        'The sidecar returned a token of {0} instead of the agent {1}: it ignores the agent id that is asked for.',
        v('actual'),
        v('expected'),
      ),
      next: t(
        'Set Sidecar__AllowOverrides__GetAuthorizationHeader=true in the sidecar’s ConfigMap. The token was not used.',
      ),
      who: 'clusterAdmin',
      fix: cluster.setSidecar({ Sidecar__AllowOverrides__GetAuthorizationHeader: 'true' }),
      actions: ['agentId.showConfiguration'],
    }),
    'agentToken.wrongAudience': v => ({
      sentence: t('The token for “{0}” is for {1}; {2} was expected.', v('api'), v('actual'), v('expected')),
      next: t('Compare the scopes of this API in the sidecar’s ConfigMap. The token was not used.'),
      who: 'clusterAdmin',
      fix: cluster.setScope(v('api')),
      actions: ['agentId.showConfiguration'],
    }),
    'agentToken.wrongUser': v => ({
      sentence: t('The token for “{0}” speaks for another user than the one who is signed in.', v('api')),
      next: t('It was not used. Restart the sidecar’s pod and tell whoever runs the cluster.'),
      who: 'clusterAdmin',
      fix: cluster.restart(),
    }),
    'agentToken.wrongTenant': v => ({
      sentence: t('The token for “{0}” comes from tenant {1}; {2} was expected.', v('api'), v('actual'), v('expected')),
      next: t('It was not used. Compare AzureAd__TenantId in the sidecar’s ConfigMap.'),
      who: 'clusterAdmin',
      fix: cluster.setIdentity(),
      actions: ['agentId.showConfiguration'],
    }),
    'agentToken.notOnBehalfOfUser': v => ({
      sentence: t('The token for “{0}” is an application’s and speaks for no user.', v('api')),
      next: t('Remove RequestAppToken from this API in the sidecar’s ConfigMap. The token was not used.'),
      who: 'clusterAdmin',
      fix: cluster.setSidecar({ [`DownstreamApis__${plain(v('api'), '<API>')}__RequestAppToken`]: 'false' }),
      actions: ['agentId.showConfiguration'],
    }),
    'agentToken.expired': v => ({
      sentence: t('The token for “{0}” had expired when it arrived.', v('api')),
      next: t('Check the clock of this machine, then force new tokens in the inspector.'),
      who: 'you',
      actions: ['agentId.showTokens'],
    }),
  };
}
