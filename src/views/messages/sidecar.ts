import type { IdentityErrorCode } from '../../identity/errors.ts';
import { quoted, trail, type Catalogue, type Translate } from './catalogue.ts';
import { ClusterFixes } from './fixes/cluster.ts';
import { EntraFixes } from './fixes/entra.ts';
import type { Place } from './place.ts';

type Code = Extract<IdentityErrorCode, `sidecar.${string}`>;

/** Words for what goes wrong between the sidecar, Entra and us. */
export function sidecarMessages(t: Translate, place: Place): Catalogue<Code> {
  const entra = new EntraFixes(t, place);
  const cluster = new ClusterFixes(t, place);
  const signInAgain = t('Sign in again.');
  const detail = quoted(t);
  const askAdmin = (what: string) => t('Ask an Entra admin: {0}', what);
  return {
    'sidecar.unreachable': v => ({
      sentence: t('The sidecar can’t be reached: {0}.', v('reason')),
      next: t('Check that the agent’s pod is Ready, then connect again.'),
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'sidecar.notASidecar': v => ({
      sentence: t('What answers in the agent’s pod is not the sidecar: {0}.', v('problem')),
      next: t('Check the port of the container named “sidecar”.'),
      who: 'clusterAdmin',
      actions: ['agentId.showConfiguration'],
    }),
    'sidecar.unhealthy': v => ({
      sentence: t('The sidecar says that it is not healthy (status {0}).', v('status')),
      next: t('Its log says why; if you may not read it, ask a cluster administrator.'),
      who: 'clusterAdmin',
      fix: cluster.sidecarLog(),
      actions: ['agentId.connect'],
    }),
    'sidecar.wrongHost': () => ({
      sentence: t('The sidecar turned the request away because of its Host header.'),
      next: t('Version 1.0.0 wants “localhost”; look for a proxy between the tunnel and the sidecar.'),
      who: 'clusterAdmin',
    }),
    'sidecar.refused': v => ({
      sentence: t('The sidecar refused the request (status {0}): {1}', v('status'), detail(v)),
      next: t('The sidecar’s log says why; if you may not read it, ask a cluster administrator.'),
      who: 'clusterAdmin',
      fix: cluster.sidecarLog(),
    }),
    'sidecar.forbiddenCaller': () => ({
      sentence: t('The sidecar serves callers inside its own pod only and did not see us as one.'),
      next: t(
        'The container runtime must dial the pod’s loopback (gVisor and Kata do not); use another runtime class.',
      ),
      who: 'clusterAdmin',
      fix: cluster.runtimeClass(),
    }),
    'sidecar.unknownApi': v => ({
      sentence: t('The sidecar knows no downstream API “{0}”, or one without scopes.', v('api')),
      next: t(
        'Add DownstreamApis__{0}__BaseUrl and __Scopes__0 to the sidecar’s ConfigMap and restart the pod.',
        v('api'),
      ),
      who: 'clusterAdmin',
      fix: cluster.setScope(v('api')),
      actions: ['agentId.showConfiguration'],
    }),
    'sidecar.userTokenRejected': v => ({
      sentence: t('The sidecar does not accept the user token: {0}{1}.', v('reason') || t('no reason given'), trail(v)),
      next: t('Force a sign-in; if it stays, AzureAd__ClientId of the sidecar is not the blueprint you signed in for.'),
      who: 'clusterAdmin',
      fix: cluster.setIdentity(),
      actions: ['agentId.forceSignIn', 'agentId.showConfiguration'],
    }),
    'sidecar.consentMissing': v => ({
      sentence: t(
        'Nobody has consented that the agent {0} uses the API “{1}” for you{2}.',
        v('agent'),
        v('api'),
        trail(v),
      ),
      next: t('Send the fix to an Entra admin; it works a minute or two after it was made.'),
      who: 'entraAdmin',
      fix: entra.grantToAgent(v('api')),
      actions: ['agentId.showTokens'],
    }),
    'sidecar.interactionRequired': v => ({
      sentence: t('Entra wants you to sign in once more before it issues the token for “{0}”{1}.', v('api'), trail(v)),
      next: signInAgain,
      who: 'you',
      actions: ['agentId.forceSignIn'],
    }),
    'sidecar.blockedByPolicy': v => ({
      sentence: t('A Conditional Access policy blocks the token for “{0}”{1}.', v('api'), trail(v)),
      next: askAdmin(t('exempt the resource or the agent from the policy, or sign in from a device that it accepts.')),
      who: 'entraAdmin',
      fix: entra.policyException(
        t('exclude the resource of “{0}”, the group of the user, or the agent {1}.', v('api'), place.get('agentAppId')),
      ),
    }),
    'sidecar.workloadIdentityRefused': v => ({
      sentence: t('Entra does not accept the pod’s identity for the blueprint: {0}{1}', detail(v), trail(v)),
      next: t(
        'Compare issuer, subject and audience of the federated credential with the ServiceAccount token; new credentials take up to five minutes.',
      ),
      who: 'entraAdmin',
      fix: entra.federatedCredential(''),
      actions: ['agentId.showConfiguration'],
    }),
    'sidecar.unknownIdentity': v => ({
      sentence: t('The tenant does not know the blueprint or the agent identity{0}.', trail(v)),
      next: t('Compare both ids in Show Configuration with the tenant; the blueprint needs a principal there.'),
      who: 'entraAdmin',
      fix: entra.findIdentities(),
      actions: ['agentId.showConfiguration'],
    }),
    'sidecar.unknownResource': v => ({
      sentence: t('The tenant does not know the resource of the API “{0}”{1}.', v('api'), trail(v)),
      next: askAdmin(t('create its service principal and check its identifier URI.')),
      who: 'entraAdmin',
      fix: entra.addResource(v('api')),
      actions: ['agentId.showConfiguration'],
    }),
    'sidecar.entraRefused': v => ({
      sentence: t('Entra refused the token for “{0}”: {1}{2}', v('api'), detail(v), trail(v)),
      next: t('The log has the details for your administrator.'),
      who: 'entraAdmin',
      fix: entra.lookUp(v('aadsts')),
      actions: ['agentId.showLog'],
    }),
    'sidecar.unexpected500': v => ({
      sentence: t('The sidecar failed inside (status {0}).', v('status')),
      next: t(
        'A missing token file or no way to Entra are the usual causes: its log says which; if you may not read it, ask a cluster administrator.',
      ),
      who: 'clusterAdmin',
      fix: cluster.sidecarLog(),
    }),
    'sidecar.malformedAnswer': v => ({
      sentence: t('The sidecar’s answer can’t be read: {0}.', v('problem')),
      next: t('Check its version; 1.0 and 1.1 are known to work.'),
      who: 'clusterAdmin',
      fix: cluster.sidecarLog(),
      actions: ['agentId.showLog'],
    }),
    'sidecar.notBearer': v => ({
      sentence: t('The sidecar returned a “{0}” header where a bearer token was expected.', v('scheme')),
      next: t('Remove signed-HTTP or proof-of-possession options from this API in its ConfigMap.'),
      who: 'clusterAdmin',
    }),
  };
}
