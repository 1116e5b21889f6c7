import type { IdentityErrorCode } from '../../identity/errors.ts';
import type { ActionId } from '../../protocol/common.ts';
import { quoted, trail, type Catalogue, type Translate } from './catalogue.ts';

/** Words for what goes wrong between a person, Entra and the sidecar. */
export function identityMessages(t: Translate): Catalogue<IdentityErrorCode> {
  const signInAgain = t('Sign in again.');
  const detail = quoted(t);
  /** Whatever can be taken at the moment: `helps` leaves out the way that failed and those that do not exist here. */
  const otherWays: ActionId[] = [
    'agentId.signInInBrowser',
    'agentId.signInWithDeviceCode',
    'agentId.signInWithEditorAccount',
  ];
  const askAdmin = (what: string) => t('Ask a tenant administrator: {0}', what);
  return {
    'signIn.authorityInvalid': v => ({
      sentence: t('{0} is not an authority with one tenant.', v('authority')),
      next: t('Correct the setting agentId.authority.'),
      actions: ['agentId.openSettings'],
    }),
    'signIn.unsafeEndpoint': v => ({
      sentence: t(
        'Sign-in was stopped: the authority {0} points to {1}, which is not one of its hosts.',
        v('authority'),
        v('host'),
      ),
      next: t('Check the setting agentId.authority, and whether a proxy rewrites answers.'),
      actions: ['agentId.openSettings'],
    }),
    'signIn.unsafePage': v => ({
      sentence: t('Sign-in was stopped: the page {0} does not belong to {1}.', v('page'), v('authority')),
      next: t('Do not enter a code there; tell whoever runs your network.'),
    }),
    'signIn.unreachable': v => ({
      sentence: t('Microsoft Entra ({0}) can’t be reached: {1}.', v('host'), v('reason')),
      next: t('Check the network, the proxy and the VPN, then sign in again.'),
      actions: ['agentId.signIn'],
    }),
    'signIn.badAnswer': v => ({
      sentence: t('{0} answered, but not as Microsoft Entra does ({1}).', v('host'), v('problem')),
      next: t('A proxy’s sign-in page often causes this: open any https page in a browser first.'),
    }),
    'signIn.entraUnavailable': v => ({
      sentence: t('Microsoft Entra is not available at the moment{0}.', trail(v)),
      next: t('Try again in a minute.'),
      actions: ['agentId.signIn'],
    }),
    'signIn.deviceCodeExpired': () => ({
      sentence: t('The code expired before it was entered.'),
      next: t('If the page said that it is blocked, sign in another way; else get a new code.'),
      actions: ['agentId.signInWithDeviceCode', 'agentId.signInInBrowser', 'agentId.signInWithEditorAccount'],
    }),
    'signIn.browserUnanswered': v => ({
      sentence: t('The browser did not answer in {0} minutes.', v('minutes')),
      next: t('Try again; if the last page could not be opened, sign in another way.'),
      actions: otherWays,
    }),
    'signIn.editorAccount': v => ({
      sentence: t('The editor’s Microsoft account gave no token: {0}.', v('reason')),
      next: t('Look at the account in the editor’s Accounts menu, or sign in another way.'),
      actions: otherWays,
    }),
    'signIn.deviceCodeRejected': v => ({
      sentence: t('Entra does not know this code any more{0}.', trail(v)),
      next: t('Sign in again to get a new one.'),
      actions: ['agentId.signIn'],
    }),
    'signIn.declined': () => ({
      sentence: t('The sign-in was declined on the page.'),
      next: t('Sign in again and choose Continue there.'),
      actions: ['agentId.signIn'],
    }),
    'signIn.consentRequired': v => ({
      sentence: t('Nobody has consented that this sign-in client uses the blueprint{0}.', trail(v)),
      next: askAdmin(t('grant admin consent for the blueprint’s scope to the client in agentId.clientId.')),
      actions: ['agentId.showConfiguration'],
    }),
    'signIn.blocked': v => ({
      sentence: t('A Conditional Access policy blocks this sign-in{0}.', trail(v)),
      next: t('Sign in another way, if one is offered; else a tenant administrator has to make an exception.'),
      actions: otherWays,
    }),
    'signIn.notAssigned': v => ({
      sentence: t('You are not assigned to the sign-in application{0}.', trail(v)),
      next: askAdmin(t('assign you to the application in Enterprise applications.')),
    }),
    'signIn.interactionRequired': v => ({
      sentence: t('Entra wants you to sign in once more, for example for multi-factor authentication{0}.', trail(v)),
      next: signInAgain,
      actions: ['agentId.forceSignIn'],
    }),
    'signIn.sessionEnded': v => ({
      sentence: t('Your sign-in has ended: it is too old, was revoked, or the password changed{0}.', trail(v)),
      next: signInAgain,
      actions: ['agentId.forceSignIn'],
    }),
    'signIn.clientNotAllowed': v => ({
      sentence: t('The sign-in client may not sign you in this way{0}.', trail(v)),
      next: askAdmin(t('switch on “Allow public client flows” for your own client and set agentId.clientId to it.')),
      actions: [...otherWays, 'agentId.openSettings'],
    }),
    'signIn.unknownClient': v => ({
      sentence: t('The sign-in client is not known in this tenant{0}.', trail(v)),
      next: t('Set agentId.clientId to a public client that is registered there.'),
      actions: ['agentId.openSettings'],
    }),
    'signIn.unknownTenant': v => ({
      sentence: t('The tenant does not exist{0}.', trail(v)),
      next: t('Compare the tenant id in Show Configuration with the sidecar’s AzureAd__TenantId.'),
      actions: ['agentId.showConfiguration'],
    }),
    'signIn.wrongUser': v => ({
      sentence: t('This account does not belong to the agent’s tenant{0}.', trail(v)),
      next: t('Sign in with an account of that tenant.'),
      actions: ['agentId.forceSignIn'],
    }),
    'signIn.unknownResource': v => ({
      sentence: t('The tenant does not know the blueprint’s App ID URI{0}.', trail(v)),
      next: askAdmin(t('create the blueprint’s principal and set its identifier URI to api://<blueprint id>.')),
      actions: ['agentId.showConfiguration'],
    }),
    'signIn.badScope': v => ({
      sentence: t('The blueprint does not expose this scope{0}.', trail(v)),
      next: t('Set agentId.scopeName to the scope that it exposes (often access_as_user or access_agent).'),
      actions: ['agentId.openSettings'],
    }),
    'signIn.refused': v => ({
      sentence: t('Entra refused the sign-in: {0}{1}', v('detail') || v('error'), trail(v)),
      next: t('The log has the details for your administrator.'),
      actions: ['agentId.showLog'],
    }),
    'signIn.secretStorage': v => ({
      sentence: t('The editor’s secret storage failed: {0}.', v('reason')),
      next: t('Unlock the system keyring, then sign in again.'),
      actions: ['agentId.showLog'],
    }),
    'signIn.failed': v => ({
      sentence: t('The sign-in ended without an answer from Entra: {0}.', v('reason')),
      next: signInAgain,
      actions: ['agentId.signIn', 'agentId.showLog'],
    }),
    'token.malformed': v => ({
      sentence: t('What arrived is not a readable token: {0}.', v('reason')),
      next: t('Force new tokens in the inspector; if it stays, look at the sidecar’s log.'),
      actions: ['agentId.showLog'],
    }),
    'token.tooLarge': v => ({
      sentence: t('A token of {0} bytes arrived; none is longer than {1}.', v('bytes'), v('limit')),
      next: t('It was not used. Look at what answers in the sidecar’s place.'),
    }),
    'userToken.wrongAudience': v => ({
      sentence: t('The user token is for {0}, not for the blueprint {1}.', v('actual'), v('expected')),
      next: t('Check the blueprint id in Show Configuration, then force a sign-in.'),
      actions: ['agentId.showConfiguration', 'agentId.forceSignIn'],
    }),
    'userToken.wrongTenant': v => ({
      sentence: t('The user token comes from tenant {0}; the agent is in {1}.', v('actual'), v('expected')),
      next: t('Sign in with an account of the agent’s tenant.'),
      actions: ['agentId.forceSignIn'],
    }),
    'userToken.scopeMissing': v => ({
      sentence: t('The user token has the scopes “{0}” and lacks {1}.', v('actual'), v('expected')),
      next: t('Set agentId.scopeName to the scope that the blueprint exposes.'),
      actions: ['agentId.openSettings'],
    }),
    'userToken.expired': () => ({
      sentence: t('The user token had expired when it arrived: the clock of this machine is wrong.'),
      next: t('Correct the clock, then sign in again.'),
      actions: ['agentId.forceSignIn'],
    }),
    'userToken.claimMissing': v => ({
      sentence: t('The user token does not say whose it is: the claim {0} is missing.', v('claim')),
      next: signInAgain,
      actions: ['agentId.forceSignIn'],
    }),
    'agentToken.audienceUnknown': v => ({
      sentence: t(
        'The sidecar’s configuration names no audience for the API “{0}”, so its token can’t be checked.',
        v('api'),
      ),
      next: t('Set DownstreamApis__{0}__Scopes__0 to <resource>/.default in the sidecar’s ConfigMap.', v('api')),
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
      actions: ['agentId.showConfiguration'],
    }),
    'agentToken.wrongAudience': v => ({
      sentence: t('The token for “{0}” is for {1}; {2} was expected.', v('api'), v('actual'), v('expected')),
      next: t('Compare the scopes of this API in the sidecar’s ConfigMap. The token was not used.'),
      actions: ['agentId.showConfiguration'],
    }),
    'agentToken.wrongUser': v => ({
      sentence: t('The token for “{0}” speaks for another user than the one who is signed in.', v('api')),
      next: t('It was not used. Restart the sidecar’s pod and tell whoever runs the cluster.'),
    }),
    'agentToken.wrongTenant': v => ({
      sentence: t('The token for “{0}” comes from tenant {1}; {2} was expected.', v('api'), v('actual'), v('expected')),
      next: t('It was not used. Compare AzureAd__TenantId in the sidecar’s ConfigMap.'),
      actions: ['agentId.showConfiguration'],
    }),
    'agentToken.notOnBehalfOfUser': v => ({
      sentence: t('The token for “{0}” is an application’s and speaks for no user.', v('api')),
      next: t('Remove RequestAppToken from this API in the sidecar’s ConfigMap. The token was not used.'),
      actions: ['agentId.showConfiguration'],
    }),
    'agentToken.expired': v => ({
      sentence: t('The token for “{0}” had expired when it arrived.', v('api')),
      next: t('Check the clock of this machine, then force new tokens in the inspector.'),
      actions: ['agentId.showTokens'],
    }),
    'sidecar.unreachable': v => ({
      sentence: t('The sidecar can’t be reached: {0}.', v('reason')),
      next: t('Check that the agent’s pod is Ready, then connect again.'),
      actions: ['agentId.connect'],
    }),
    'sidecar.notASidecar': v => ({
      sentence: t('What answers in the agent’s pod is not the sidecar: {0}.', v('problem')),
      next: t('Check the port of the container named “sidecar”.'),
      actions: ['agentId.showConfiguration'],
    }),
    'sidecar.unhealthy': v => ({
      sentence: t('The sidecar says that it is not healthy (status {0}).', v('status')),
      next: t('Its log says why; if you may not read it, ask a cluster administrator.'),
      actions: ['agentId.connect'],
    }),
    'sidecar.wrongHost': () => ({
      sentence: t('The sidecar turned the request away because of its Host header.'),
      next: t('Version 1.0.0 wants “localhost”; look for a proxy between the tunnel and the sidecar.'),
    }),
    'sidecar.refused': v => ({
      sentence: t('The sidecar refused the request (status {0}): {1}', v('status'), detail(v)),
      next: t('The sidecar’s log says why; if you may not read it, ask a cluster administrator.'),
    }),
    'sidecar.forbiddenCaller': () => ({
      sentence: t('The sidecar serves callers inside its own pod only and did not see us as one.'),
      next: t(
        'The container runtime must dial the pod’s loopback (gVisor and Kata do not); use another runtime class.',
      ),
    }),
    'sidecar.unknownApi': v => ({
      sentence: t('The sidecar knows no downstream API “{0}”, or one without scopes.', v('api')),
      next: t(
        'Add DownstreamApis__{0}__BaseUrl and __Scopes__0 to the sidecar’s ConfigMap and restart the pod.',
        v('api'),
      ),
      actions: ['agentId.showConfiguration'],
    }),
    'sidecar.userTokenRejected': v => ({
      sentence: t('The sidecar does not accept the user token: {0}{1}.', v('reason') || t('no reason given'), trail(v)),
      next: t('Force a sign-in; if it stays, AzureAd__ClientId of the sidecar is not the blueprint you signed in for.'),
      actions: ['agentId.forceSignIn', 'agentId.showConfiguration'],
    }),
    'sidecar.consentMissing': v => ({
      sentence: t(
        'Nobody has consented that the agent {0} uses the API “{1}” for you{2}.',
        v('agent'),
        v('api'),
        trail(v),
      ),
      next: askAdmin(
        t(
          'grant delegated consent for this resource to the agent identity (or make it inheritable on the blueprint); it takes a minute or two to replicate.',
        ),
      ),
      actions: ['agentId.showTokens'],
    }),
    'sidecar.interactionRequired': v => ({
      sentence: t('Entra wants you to sign in once more before it issues the token for “{0}”{1}.', v('api'), trail(v)),
      next: signInAgain,
      actions: ['agentId.forceSignIn'],
    }),
    'sidecar.blockedByPolicy': v => ({
      sentence: t('A Conditional Access policy blocks the token for “{0}”{1}.', v('api'), trail(v)),
      next: askAdmin(t('exempt the resource or the agent from the policy, or sign in from a device that it accepts.')),
    }),
    'sidecar.workloadIdentityRefused': v => ({
      sentence: t('Entra does not accept the pod’s identity for the blueprint: {0}{1}', detail(v), trail(v)),
      next: t(
        'Compare issuer, subject and audience of the federated credential with the ServiceAccount token; new credentials take up to five minutes.',
      ),
      actions: ['agentId.showConfiguration'],
    }),
    'sidecar.unknownIdentity': v => ({
      sentence: t('The tenant does not know the blueprint or the agent identity{0}.', trail(v)),
      next: t('Compare both ids in Show Configuration with the tenant; the blueprint needs a principal there.'),
      actions: ['agentId.showConfiguration'],
    }),
    'sidecar.unknownResource': v => ({
      sentence: t('The tenant does not know the resource of the API “{0}”{1}.', v('api'), trail(v)),
      next: askAdmin(t('create its service principal and check its identifier URI.')),
      actions: ['agentId.showConfiguration'],
    }),
    'sidecar.entraRefused': v => ({
      sentence: t('Entra refused the token for “{0}”: {1}{2}', v('api'), detail(v), trail(v)),
      next: t('The log has the details for your administrator.'),
      actions: ['agentId.showLog'],
    }),
    'sidecar.unexpected500': v => ({
      sentence: t('The sidecar failed inside (status {0}).', v('status')),
      next: t(
        'A missing token file or no way to Entra are the usual causes: its log says which; if you may not read it, ask a cluster administrator.',
      ),
    }),
    'sidecar.malformedAnswer': v => ({
      sentence: t('The sidecar’s answer can’t be read: {0}.', v('problem')),
      next: t('Check its version; 1.0 and 1.1 are known to work.'),
      actions: ['agentId.showLog'],
    }),
    'sidecar.notBearer': v => ({
      sentence: t('The sidecar returned a “{0}” header where a bearer token was expected.', v('scheme')),
      next: t('Remove signed-HTTP or proof-of-possession options from this API in its ConfigMap.'),
    }),
  };
}
