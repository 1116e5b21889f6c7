import type { IdentityErrorCode } from '../../identity/errors.ts';
import type { ActionId } from '../../protocol/common.ts';
import { trail, type Catalogue, type Translate } from './catalogue.ts';
import { ClusterFixes } from './fixes/cluster.ts';
import { EntraFixes } from './fixes/entra.ts';
import type { Place } from './place.ts';

type Code = Extract<IdentityErrorCode, `signIn.${string}`>;

/** Words for what goes wrong between a person and Entra. */
export function signInMessages(t: Translate, place: Place): Catalogue<Code> {
  const entra = new EntraFixes(t, place);
  const cluster = new ClusterFixes(t, place);
  /** Whatever can be taken at the moment: `helps` leaves out the way that failed and those that do not exist here. */
  const otherWays: ActionId[] = [
    'agentId.signInInBrowser',
    'agentId.signInWithDeviceCode',
    'agentId.signInWithEditorAccount',
  ];
  const signInAgain = t('Sign in again.');
  const askAdmin = (what: string) => t('Ask an Entra admin: {0}', what);
  return {
    'signIn.authorityInvalid': v => ({
      sentence: t('{0} is not an authority with one tenant.', v('authority')),
      next: t('Correct the setting agentId.authority.'),
      who: 'you',
      actions: ['agentId.openSettings'],
    }),
    'signIn.unsafeEndpoint': v => ({
      sentence: t(
        'Sign-in was stopped: the authority {0} points to {1}, which is not one of its hosts.',
        v('authority'),
        v('host'),
      ),
      next: t('Check the setting agentId.authority, and whether a proxy rewrites answers.'),
      who: 'you',
      actions: ['agentId.openSettings'],
    }),
    'signIn.unsafePage': v => ({
      sentence: t('Sign-in was stopped: the page {0} does not belong to {1}.', v('page'), v('authority')),
      next: t('Do not enter a code there; tell whoever runs your network.'),
      who: 'network',
    }),
    'signIn.unreachable': v => ({
      sentence: t('Microsoft Entra ({0}) can’t be reached: {1}.', v('host'), v('reason')),
      next: t('Check the network, the proxy and the VPN, then sign in again.'),
      who: 'you',
      actions: ['agentId.signIn'],
    }),
    'signIn.badAnswer': v => ({
      sentence: t('{0} answered, but not as Microsoft Entra does ({1}).', v('host'), v('problem')),
      next: t('A proxy’s sign-in page often causes this: open any https page in a browser first.'),
      who: 'you',
    }),
    'signIn.entraUnavailable': v => ({
      sentence: t('Microsoft Entra is not available at the moment{0}.', trail(v)),
      next: t('Try again in a minute.'),
      who: 'you',
      actions: ['agentId.signIn'],
    }),
    'signIn.deviceCodeExpired': () => ({
      sentence: t('The code expired before it was entered.'),
      next: t('If the page said that it is blocked, sign in another way; else get a new code.'),
      who: 'you',
      actions: ['agentId.signInWithDeviceCode', 'agentId.signInInBrowser', 'agentId.signInWithEditorAccount'],
    }),
    'signIn.browserUnanswered': v => ({
      sentence: t('The browser did not answer in {0} minutes.', v('minutes')),
      next: t('Try again; if the last page could not be opened, sign in another way.'),
      who: 'you',
      actions: otherWays,
    }),
    'signIn.editorAccount': v => ({
      sentence: t('The editor’s Microsoft account gave no token: {0}.', v('reason')),
      next: t('Look at the account in the editor’s Accounts menu, or sign in another way.'),
      who: 'you',
      actions: otherWays,
    }),
    'signIn.deviceCodeRejected': v => ({
      sentence: t('Entra does not know this code any more{0}.', trail(v)),
      next: t('Sign in again to get a new one.'),
      who: 'you',
      actions: ['agentId.signIn'],
    }),
    'signIn.declined': () => ({
      sentence: t('The sign-in was declined on the page.'),
      next: t('Sign in again and choose Continue there.'),
      who: 'you',
      actions: ['agentId.signIn'],
    }),
    'signIn.consentRequired': v => ({
      sentence: t('Nobody has consented that this sign-in client uses the blueprint{0}.', trail(v)),
      next: askAdmin(t('grant admin consent for the blueprint’s scope to the client in agentId.clientId.')),
      who: 'entraAdmin',
      fix: entra.consentToClient(),
      actions: ['agentId.showConfiguration'],
    }),
    'signIn.blocked': v => ({
      sentence: t('A Conditional Access policy blocks this sign-in{0}.', trail(v)),
      next: t('Sign in another way, if one is offered; else an Entra admin has to make an exception.'),
      who: 'entraAdmin',
      fix: entra.policyException(
        t(
          'exclude the group of the user, or the sign-in client {0}, from what blocks it (for a device code: the condition Authentication flows).',
          place.get('clientId'),
        ),
      ),
      actions: otherWays,
    }),
    'signIn.notAssigned': v => ({
      sentence: t('You are not assigned to the sign-in application{0}.', trail(v)),
      next: askAdmin(t('assign you to the application in Enterprise applications.')),
      who: 'entraAdmin',
      fix: entra.assignUser(place.get('clientId')),
    }),
    'signIn.interactionRequired': v => ({
      sentence: t('Entra wants you to sign in once more, for example for multi-factor authentication{0}.', trail(v)),
      next: signInAgain,
      who: 'you',
      actions: ['agentId.forceSignIn'],
    }),
    'signIn.sessionEnded': v => ({
      sentence: t('Your sign-in has ended: it is too old, was revoked, or the password changed{0}.', trail(v)),
      next: signInAgain,
      who: 'you',
      actions: ['agentId.forceSignIn'],
    }),
    'signIn.clientNotAllowed': v => ({
      sentence: t('The sign-in client may not sign you in this way{0}.', trail(v)),
      next: askAdmin(t('switch on “Allow public client flows” for your own client and set agentId.clientId to it.')),
      who: 'entraAdmin',
      fix: entra.allowPublicClient(),
      actions: [...otherWays, 'agentId.openSettings'],
    }),
    'signIn.unknownClient': v => ({
      sentence: t('The sign-in client is not known in this tenant{0}.', trail(v)),
      next: t('Set agentId.clientId to a public client that is registered there.'),
      who: 'you',
      fix: entra.addClient(),
      actions: ['agentId.openSettings'],
    }),
    'signIn.unknownTenant': v => ({
      sentence: t('The tenant does not exist{0}.', trail(v)),
      next: t('Compare the tenant id in Show Configuration with the sidecar’s AzureAd__TenantId.'),
      who: 'clusterAdmin',
      fix: cluster.setSidecar({ AzureAd__TenantId: t('<tenant id>') }),
      actions: ['agentId.showConfiguration'],
    }),
    'signIn.wrongUser': v => ({
      sentence: t('This account does not belong to the agent’s tenant{0}.', trail(v)),
      next: t('Sign in with an account of that tenant.'),
      who: 'you',
      fix: entra.invite(),
      actions: ['agentId.forceSignIn'],
    }),
    'signIn.unknownResource': v => ({
      sentence: t('The tenant does not know the blueprint’s App ID URI{0}.', trail(v)),
      next: askAdmin(t('create the blueprint’s principal and set its identifier URI to api://<blueprint id>.')),
      who: 'entraAdmin',
      fix: entra.completeBlueprint(),
      actions: ['agentId.showConfiguration'],
    }),
    'signIn.badScope': v => ({
      sentence: t('The blueprint does not expose this scope{0}.', trail(v)),
      next: t('Set agentId.scopeName to the scope that it exposes (often access_as_user or access_agent).'),
      who: 'you',
      actions: ['agentId.openSettings'],
    }),
    'signIn.refused': v => ({
      sentence: t('Entra refused the sign-in: {0}{1}', v('detail') || v('error'), trail(v)),
      next: t('The log has the details for your administrator.'),
      who: 'entraAdmin',
      fix: entra.lookUp(v('aadsts')),
      actions: ['agentId.showLog'],
    }),
    'signIn.secretStorage': v => ({
      sentence: t('The editor’s secret storage failed: {0}.', v('reason')),
      next: t('Unlock the system keyring, then sign in again.'),
      who: 'you',
      actions: ['agentId.showLog'],
    }),
    'signIn.failed': v => ({
      sentence: t('The sign-in ended without an answer from Entra: {0}.', v('reason')),
      next: signInAgain,
      who: 'you',
      actions: ['agentId.signIn', 'agentId.showLog'],
    }),
  };
}
