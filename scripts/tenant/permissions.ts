import { scopeOf } from './applications.ts';
import type { Assignee } from './azure.ts';
import { APPLICATIONS, findAgent, findApplication, mustFind, type Context } from './context.ts';
import { NotYet } from './errors.ts';
import { different, missing, OK, type Item } from './item.ts';
import * as requests from './requests.ts';

/** The application that the extension signs users in with. */
export function client(context: Context): Item {
  const { graph, world } = context;
  return {
    title: 'Sign-in client: device code, browser, the editor’s account',
    anchor: 'sign-in-client',
    async look() {
      const [app, blueprint] = [await findApplication(context, 'client'), await findApplication(context, 'blueprint')];
      if (!app || !blueprint) return missing(`it needs ${APPLICATIONS[app ? 'blueprint' : 'client'].called}`);
      if (app.isFallbackPublicClient !== true) return different('it does not allow public client flows');
      const lacking = requests.redirectUris(app.appId).filter(uri => !app.publicClient?.redirectUris.includes(uri));
      if (lacking.length > 0) return different(`it lacks the redirect URI ${lacking.join(', ')}`);
      const scope = scopeOf(blueprint);
      const asks = app.requiredResourceAccess
        .filter(({ resourceAppId }) => resourceAppId === blueprint.appId)
        .some(({ resourceAccess }) => resourceAccess.some(({ id }) => id === scope));
      return asks ? OK : different('it does not name the scope of the blueprint among its permissions');
    },
    async make() {
      const { app, blueprint, scope } = await clientAndScope(context);
      await graph.send(requests.configureClient(app, blueprint.appId, scope), world.signal);
    },
  };
}

/** Nobody is asked for consent to the blueprint's scope when signing in. */
export function preAuthorization(context: Context): Item {
  const { graph, world } = context;
  return {
    title: 'Sign-in client: pre-authorized on the blueprint',
    anchor: 'sign-in-client',
    async look() {
      const [app, blueprint] = [await findApplication(context, 'client'), await findApplication(context, 'blueprint')];
      if (!app || !blueprint) return missing(`it needs ${APPLICATIONS[app ? 'blueprint' : 'client'].called}`);
      const scope = scopeOf(blueprint);
      const entry = blueprint.api?.preAuthorizedApplications.find(({ appId }) => appId === app.appId);
      return scope !== undefined && entry?.delegatedPermissionIds.includes(scope)
        ? OK
        : missing('users would be asked');
    },
    async make() {
      const { app, blueprint, scope } = await clientAndScope(context);
      await graph.send(requests.preAuthorize(blueprint, app.appId, scope), world.signal);
    },
  };
}

async function clientAndScope(context: Context) {
  const app = await mustFind(context, 'client');
  const blueprint = await mustFind(context, 'blueprint');
  const scope = scopeOf(blueprint);
  if (scope === undefined) throw new NotYet('the scope of the blueprint');
  return { app, blueprint, scope };
}

/** The API of Azure OpenAI; a tenant that never used it does not know it (AADSTS500011). */
export function cognitiveServices({ directory, graph, world }: Context): Item {
  const { appId } = requests.COGNITIVE_SERVICES;
  return {
    title: 'Microsoft Cognitive Services in the tenant',
    anchor: 'consents',
    look: async () =>
      (await directory.principal(appId, world.signal)) ? OK : missing('the tenant has no principal of it'),
    make: async () => void (await graph.send(requests.createPrincipal(appId), world.signal)),
  };
}

/**
 * Nor to the scopes of OpenID Connect that every sign-in asks for: they belong to Microsoft Graph, and pre-authorization
 * covers only what it names (resource type preAuthorizedApplication). Where users may not consent, they could not sign in.
 */
export function signInConsent(context: Context): Item {
  const { directory, world } = context;
  return consent(context, {
    title: 'Sign-in client: consent to sign people in and keep them signed in',
    anchor: 'sign-in-client',
    scopes: requests.SIGN_IN.scopes,
    async client() {
      const app = await findApplication(context, 'client');
      return app && (await directory.principal(app.appId, world.signal))?.id;
    },
    resource: async () => requests.SIGN_IN.appId,
  });
}

/** The agent may use the API on behalf of whoever signs in. */
export function agentConsent(context: Context, agent: string, to: 'mcp' | 'model'): Item {
  const scope = to === 'mcp' ? requests.SCOPE : requests.COGNITIVE_SERVICES.scope;
  return consent(context, {
    title: `Consent for ${agent}: ${to === 'mcp' ? 'the tools' : 'the model'} (${scope})`,
    anchor: 'consents',
    scopes: [scope],
    async client() {
      const blueprint = await findApplication(context, 'blueprint');
      return blueprint && (await findAgent(context, agent, blueprint.appId))?.id;
    },
    resource: async () =>
      to === 'mcp' ? (await findApplication(context, 'mcp'))?.appId : requests.COGNITIVE_SERVICES.appId,
  });
}

interface Wanted extends Pick<Item, 'title' | 'anchor'> {
  readonly scopes: readonly string[];
  /** Object id of the principal that may use the API. */
  client(): Promise<string | undefined>;
  /** App id of the API. */
  resource(): Promise<string | undefined>;
}

/** For all users of the tenant. */
function consent(context: Context, { title, anchor, scopes, ...wanted }: Wanted): Item {
  const { directory, graph, world } = context;
  const parties = async () => {
    const appId = await wanted.resource();
    const resource = appId === undefined ? undefined : await directory.principal(appId, world.signal);
    return { client: await wanted.client(), resource: resource?.id };
  };
  return {
    title,
    anchor,
    async look() {
      const { client, resource } = await parties();
      if (client === undefined) return missing('it needs the principal of the client');
      if (resource === undefined) return missing('it needs the principal of the API');
      const held = requests.words((await directory.grant(client, resource, world.signal))?.scope ?? '');
      return scopes.every(scope => held.includes(scope)) ? OK : missing('nobody has consented');
    },
    async make() {
      const { client, resource } = await parties();
      if (client === undefined || resource === undefined) throw new NotYet('client or API');
      const held = await directory.grant(client, resource, world.signal);
      await graph.send(requests.consent(client, resource, scopes, held), world.signal);
    },
  };
}

/** Azure checks the role of the user in an on-behalf-of token, and of the agent where it acts for nobody. */
export function role(context: Context, who: { readonly agent: string } | { readonly user: string }): Item {
  const { azure, world } = context;
  const assignee = async (): Promise<Assignee | undefined> => {
    if ('user' in who) return { principalId: who.user, principalType: 'User' };
    const blueprint = await findApplication(context, 'blueprint');
    const principalId = blueprint && (await findAgent(context, who.agent, blueprint.appId))?.id;
    return principalId === undefined ? undefined : { principalId, principalType: 'ServicePrincipal' };
  };
  return {
    title: `Role Cognitive Services OpenAI User for ${'user' in who ? `user ${who.user}` : who.agent}`,
    anchor: 'role-on-the-model',
    async look() {
      const to = await assignee();
      if (!to) return missing('it needs the agent identity');
      const held = await azure?.assignments(to.principalId, world.signal);
      return held && held.length > 0 ? OK : missing('the model would answer 401 or 403');
    },
    async make() {
      const to = await assignee();
      if (!to) throw new NotYet('the agent identity');
      await azure?.assign(to, world.signal);
    },
  };
}
