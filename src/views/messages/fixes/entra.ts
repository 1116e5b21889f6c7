import { EXCHANGE } from '../../../identity/wellKnown.ts';
import type { Translate } from '../catalogue.ts';
import { plain, type Place } from '../place.ts';
import { appIdOf, blueprintPath, Graph, scopeOf, sentWith, steps } from './graph.ts';

/** The app role of an application that defines none (Microsoft Graph, appRoleAssignment). */
const DEFAULT_ROLE = '00000000-0000-0000-0000-000000000000';

/**
 * What an Entra admin changes, as text to be sent. Calls as in Microsoft Graph's reference (v1.0); an agent identity's
 * object id is its app id, and a blueprint is an application, so both are addressed without a lookup.
 */
export class EntraFixes {
  readonly #t: Translate;
  readonly #place: Place;
  readonly #graph: Graph;

  constructor(t: Translate, place: Place) {
    this.#t = t;
    this.#place = place;
    this.#graph = new Graph(place);
  }

  /** The agent identity may use an API on behalf of every user; with it, every other that lacks consent, so that one text does. */
  grantToAgent(api: string): string {
    const t = this.#t;
    const apis = [...new Set([...this.#place.withoutConsent, api])];
    const agent = this.#place.get('agentAppId');
    const grants = apis.map(name => {
      const resource = this.#place.resource(name) ?? t('<resource of the API {0}>', plain(name, '…'));
      const grant = this.#grant(agent, resource, scopeOf(resource));
      return apis.length > 1 ? `${t('For the API {0} ({1}):', plain(name, '…'), resource)}\n\n${grant}` : grant;
    });
    return [...grants, t('It takes a minute or two until Entra knows it everywhere.')].join('\n\n');
  }

  /** People may use the blueprint's scope with the sign-in client, without being asked. */
  consentToClient(): string {
    const t = this.#t;
    const clientId = this.#place.get('clientId');
    const blueprint = this.#place.get('blueprintAppId');
    return [
      t('One of the two:'),
      `A. ${t('Consent for the whole tenant, on this page:')}\n${this.#clientConsentPage()}`,
      `B. ${t('Pre-authorize the sign-in client on the blueprint, where people may consent to openid, profile and offline_access themselves: it does not cover those. The list is replaced, so keep what is in it:')}`,
      this.#graph.call('GET', `${blueprintPath(blueprint)}?$select=id,api`),
      this.#graph.call('PATCH', blueprintPath(blueprint), {
        api: {
          preAuthorizedApplications: [{ appId: clientId, delegatedPermissionIds: [t('<id of the scope, from GET>')] }],
        },
      }),
      sentWith(t, 'AgentIdentityBlueprint.UpdateAuthProperties.All'),
    ].join('\n\n');
  }

  /** A request for consent that waits is answered. */
  approveRequest(): string {
    return this.#t(
      'In the Entra admin center: Enterprise applications, Admin consent requests, review the request for the application {0} and approve it.',
      this.#place.get('clientId'),
    );
  }

  /** The user gets access to an application that requires assignment. */
  assignUser(appId: string): string {
    const t = this.#t;
    const user = this.#place.get('user').replaceAll('#', '%23'); // in the name of a guest; an address would end there
    return steps(
      `${t('Find both object ids:')}\n${this.#graph.call('GET', `servicePrincipals(appId='${appId}')?$select=id,displayName`)}\n${this.#graph.call('GET', `users/${user}?$select=id`)}`,
      `${t('Assign the user (or a group, by its id):')}\n${this.#graph.call(
        'POST',
        `servicePrincipals(appId='${appId}')/appRoleAssignedTo`,
        {
          principalId: t('<id of the user>'),
          resourceId: t('<id of the service principal>'),
          appRoleId: DEFAULT_ROLE,
        },
      )}\n\n${sentWith(t, 'AppRoleAssignment.ReadWrite.All')}`,
    );
  }

  /** The same for the resource of a downstream API. */
  assignUserTo(api: string): string {
    const appId = appIdOf(this.#place.resource(api) ?? '');
    return this.assignUser(appId ?? this.#t('<app id of the API {0}>', plain(api, '…')));
  }

  /** The sign-in client may sign people in without a secret. */
  allowPublicClient(): string {
    const t = this.#t;
    return [
      t('Switch on “Allow public client flows” of the sign-in client:'),
      this.#graph.call('PATCH', `applications(appId='${this.#place.get('clientId')}')`, {
        isFallbackPublicClient: true,
      }),
      sentWith(t, 'Application.ReadWrite.All'),
    ].join('\n\n');
  }

  /** The sign-in client lists the blueprint's scope among its permissions. */
  requirePermission(): string {
    const t = this.#t;
    return steps(
      `${t('Find the id of the scope:')}\n${this.#graph.principalOf(this.#place.get('blueprintAppId'))}`,
      `${t('Add it to the permissions of the sign-in client (the list is replaced, so keep what is in it):')}\n${this.#graph.call(
        'PATCH',
        `applications(appId='${this.#place.get('clientId')}')`,
        {
          requiredResourceAccess: [
            {
              resourceAppId: this.#place.get('blueprintAppId'),
              resourceAccess: [{ id: t('<id of the scope>'), type: 'Scope' }],
            },
          ],
        },
      )}\n\n${sentWith(t, 'Application.ReadWrite.All')}`,
      `${t('Consent for the whole tenant, on this page:')}\n${this.#clientConsentPage()}`,
    );
  }

  /** The sign-in client gets a service principal in the tenant. */
  addClient(): string {
    return this.#addPrincipal(this.#place.get('clientId'));
  }

  /** The user gets an account in the tenant. */
  invite(): string {
    const t = this.#t;
    return [
      t('If this account should work in the tenant {0}, invite it:', this.#place.get('tenantId')),
      this.#graph.call('POST', 'invitations', {
        invitedUserEmailAddress: t('<address of the user>'),
        inviteRedirectUrl: 'https://myapplications.microsoft.com',
        sendInvitationMessage: true,
      }),
      sentWith(t, 'User.Invite.All'),
    ].join('\n\n');
  }

  /** The blueprint has its principal and its App ID URI. */
  completeBlueprint(): string {
    const t = this.#t;
    const blueprint = this.#place.get('blueprintAppId');
    return steps(
      `${t('Create the blueprint’s principal, if this call finds none:')}\n${this.#graph.call('GET', `servicePrincipals(appId='${blueprint}')?$select=id,servicePrincipalNames`)}\n${this.#graph.call('POST', 'servicePrincipals/graph.agentIdentityBlueprintPrincipal', { appId: blueprint })}`,
      `${t('Set its App ID URI, if it is not among the servicePrincipalNames:')}\n${this.#graph.call('PATCH', blueprintPath(blueprint), { identifierUris: [`api://${blueprint}`] })}`,
      sentWith(t, 'AgentIdentityBlueprintPrincipal.Create', 'AgentIdentityBlueprint.UpdateAuthProperties.All'),
    );
  }

  /** Both of the pod's identities are in the tenant. */
  findIdentities(): string {
    const t = this.#t;
    const blueprint = this.#place.get('blueprintAppId');
    return steps(
      `${t('See which of the two is missing:')}\n${this.#graph.call('GET', `servicePrincipals(appId='${blueprint}')?$select=id,displayName`)}\n${this.#graph.call('GET', `servicePrincipals/${this.#place.get('agentAppId')}?$select=id,displayName`)}`,
      `${t('The blueprint (first call): create its principal.')}\n${this.#graph.call('POST', 'servicePrincipals/graph.agentIdentityBlueprintPrincipal', { appId: blueprint })}\n\n${sentWith(t, 'AgentIdentityBlueprintPrincipal.Create')}`,
      t(
        'The agent identity (second call): it was deleted or never made. Create one from the blueprint, and have a cluster admin put its id into the annotation agent-id.dev/agent-identity of the Deployment {0} in namespace {1}.',
        this.#place.get('deployment'),
        this.#place.get('namespace'),
      ),
    );
  }

  /** The resource of an API has a service principal and the identifier that the sidecar asks for. */
  addResource(api: string): string {
    const t = this.#t;
    const resource = this.#place.resource(api) ?? t('<resource of the API {0}>', plain(api, '…'));
    const appId = appIdOf(resource);
    if (appId === undefined)
      return t('Find out which application has the identifier URI {0}, and add it to the tenant.', resource);
    const uri = /^api:/.test(resource)
      ? [
          `${t('Set its identifier URI, if it is not among the servicePrincipalNames:')}\n${this.#graph.call('PATCH', `applications(appId='${appId}')`, { identifierUris: [resource] })}`,
        ]
      : [];
    return steps(this.#addPrincipal(appId), ...uri);
  }

  /** The federated credential of the blueprint fits what the pod shows. */
  federatedCredential(what: string): string {
    const t = this.#t;
    const blueprint = this.#place.get('blueprintAppId');
    const [namespace, account] = [this.#place.get('namespace'), this.#place.get('serviceAccount')];
    const credential = {
      issuer: t('<issuer of the cluster, exactly as in the token>'),
      subject: `system:serviceaccount:${namespace}:${account}`,
      audiences: [EXCHANGE],
    };
    const path = `${blueprintPath(blueprint)}/federatedIdentityCredentials`;
    return steps(
      `${what} ${t('Read the credentials of the blueprint:')}\n${this.#graph.call('GET', path)}`,
      `${t('Compare with iss, sub and aud of the token that the pod shows, to the letter (a cluster admin can make one like it; it is a credential, so decode it locally):')}\nkubectl create token ${account} -n ${namespace} --audience ${EXCHANGE}`,
      `${t('Correct the credential, or create one; it takes up to five minutes:')}\n${this.#graph.call('PATCH', `${path}/${t('<id from step 1>')}`, credential)}\n\n${this.#graph.call('POST', path, { name: 'kubernetes', ...credential })}\n\n${sentWith(t, 'AgentIdentityBlueprint.AddRemoveCreds.All')}`,
    );
  }

  /** An exception in a policy that blocks; `change` says what it must allow. */
  policyException(change: string): string {
    const t = this.#t;
    return steps(
      t(
        'Find the attempt in the Entra admin center, Sign-in logs, by its correlation id; its tab Conditional Access names the policy.',
      ),
      `${t('In Protection, Conditional Access, that policy:')} ${change}`,
    );
  }

  /** Entra gives no better reason than its own words. */
  lookUp(aadsts: string): string {
    const t = this.#t;
    return [
      ...(aadsts ? [t('What the number means: {0}', `https://login.microsoftonline.com/error?code=${aadsts}`)] : []),
      t('The attempt is in the Entra admin center, Sign-in logs, under its correlation id.'),
    ].join('\n');
  }

  #grant(clientId: string, resource: string, scope: string): string {
    const t = this.#t;
    const grants = 'oauth2PermissionGrants';
    return [
      steps(
        `${t('Find the object id of the resource, and under oauth2PermissionScopes the scopes that it offers:')}\n${this.#graph.principalOf(resource)}`,
        `${t('Grant the scope to the agent identity, for every user:')}\n${this.#graph.call('POST', grants, {
          clientId,
          consentType: 'AllPrincipals',
          resourceId: t('<id from step 1>'),
          scope,
        })}\n\n${sentWith(t, 'DelegatedPermissionGrant.ReadWrite.All')}`,
        `${t('Where it answers that the entry exists, add the scope to that one:')}\n${this.#graph.call('GET', `servicePrincipals/${clientId}/${grants}`)}\n${this.#graph.call('PATCH', `${grants}/${t('<id of the grant>')}`, { scope: t('<its scopes> {0}', scope) })}`,
      ),
      `${t('Or in place of 2 and 3, on this page (Entra may refuse it for agent identities with AADSTS82014):')}\n${this.#consentPage(clientId, `${resource.replace(/\/$/, '')}/${scope}`)}`,
    ].join('\n\n');
  }

  #addPrincipal(appId: string): string {
    const t = this.#t;
    return [
      t('Add the application {0} to the tenant {1}:', appId, this.#place.get('tenantId')),
      this.#graph.call('POST', 'servicePrincipals', { appId }),
      sentWith(t, 'Application.ReadWrite.All'),
    ].join('\n\n');
  }

  /** For the blueprint's scope, and for what every sign-in asks of Microsoft Graph beside it. */
  #clientConsentPage(): string {
    return this.#consentPage(this.#place.get('clientId'), `${this.#place.get('scope')} openid profile offline_access`);
  }

  #consentPage(clientId: string, scope: string): string {
    const query = [
      `client_id=${clientId}`,
      `scope=${encodeURIComponent(scope)}`,
      `redirect_uri=${encodeURIComponent('https://entra.microsoft.com/TokenAuthorize')}`,
      'state=agent-id',
    ];
    return `${this.#place.get('authority')}/v2.0/adminconsent?${query.join('&')}`;
  }
}
