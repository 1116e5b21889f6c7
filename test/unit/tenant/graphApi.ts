// Microsoft Graph of the stand-in. It checks each request against the documented form (api-reference/v1.0 of
// microsoft-graph-docs-contrib): path, permission, body without a field too many.
import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { visible, type App, type Principal } from './directory.ts';
import { guid, text, Tags, sponsors, Expose, PreAuthorize, Claims, Client } from './graphBodies.ts';
import { badReference, done, notFound, ok, refuse, type Call, type Reply } from './reply.ts';

interface Route {
  readonly method: string;
  readonly path: RegExp;
  /** One of these permissions, in a person's token. */
  readonly needs: readonly string[];
  readonly body?: v.GenericSchema;
  answer(call: Call, match: RegExpExecArray): Reply;
}

const READ_APPS = ['Application.Read.All', 'Application.ReadWrite.All'];
const BLUEPRINT = String.raw`\/microsoft\.graph\.agentIdentityBlueprint`;
const AGENT = String.raw`\/microsoft\.graph\.agentIdentity`;
const ID = '([0-9a-f-]{36})';

const routes: Route[] = [
  {
    method: 'POST',
    path: new RegExp(`^/applications${BLUEPRINT}$`),
    needs: ['AgentIdentityBlueprint.Create'],
    body: v.strictObject({
      '@odata.type': v.literal('#microsoft.graph.agentIdentityBlueprint'),
      displayName: text,
      tags: Tags,
      'sponsors@odata.bind': sponsors,
    }),
    answer({ state, body }) {
      const { displayName, tags } = body as { displayName: string; tags: string[] };
      return ok(show(state.addApp(displayName, true, { tags, api: { requestedAccessTokenVersion: 2 } })), 201);
    },
  },
  {
    method: 'POST',
    path: /^\/applications$/,
    needs: ['Application.ReadWrite.All'],
    body: v.strictObject({ displayName: text, signInAudience: v.literal('AzureADMyOrg'), tags: Tags }),
    answer({ state, body }) {
      const { displayName, tags } = body as { displayName: string; tags: string[] };
      return ok(show(state.addApp(displayName, false, { tags, api: { requestedAccessTokenVersion: null } })), 201);
    },
  },
  {
    method: 'GET',
    path: new RegExp(`^/applications(${BLUEPRINT})?$`),
    needs: READ_APPS,
    answer({ state, query }, [, blueprint]) {
      const name = filterOf(query, 'displayName');
      if (name === undefined) return refuse(400, 'Request_UnsupportedQuery');
      const found = state.apps.filter(app => app.shown.displayName === name && (!blueprint || app.blueprint));
      return ok({ value: found.filter(visible).map(show) });
    },
  },
  {
    method: 'GET',
    path: new RegExp(`^/applications\\(appId='${ID}'\\)$`),
    needs: READ_APPS,
    answer({ state }, [, appId]) {
      const app = state.apps.find(one => one.appId === appId);
      return app && visible(app) ? ok(show(app)) : notFound;
    },
  },
  {
    method: 'PATCH',
    path: new RegExp(`^/applications/${ID}(${BLUEPRINT})?$`),
    needs: ['Application.ReadWrite.All', 'AgentIdentityBlueprint.UpdateAuthProperties.All'],
    body: v.union([Expose, PreAuthorize, Claims, Client]),
    answer: change,
  },
  {
    method: 'DELETE',
    path: new RegExp(`^/applications/${ID}(${BLUEPRINT})?$`),
    needs: ['Application.ReadWrite.All', 'AgentIdentityBlueprint.DeleteRestore.All'],
    answer(call, match) {
      const app = appAt(call, match);
      if (!app) return notFound;
      const { state } = call;
      if (app.blueprint && state.principals.some(({ blueprint }) => blueprint === app.appId))
        state.violations.push('blueprint deleted before its agents');
      state.apps.splice(state.apps.indexOf(app), 1);
      const principal = state.principals.find(({ appId }) => appId === app.appId);
      if (principal) forget(call, principal);
      return done;
    },
  },
  {
    method: 'POST',
    path: new RegExp(`^/applications/${ID}${BLUEPRINT}/addPassword$`),
    needs: ['AgentIdentityBlueprint.AddRemoveCreds.All'],
    body: v.strictObject({
      passwordCredential: v.strictObject({ displayName: text, endDateTime: v.pipe(v.string(), v.isoTimestamp()) }),
    }),
    answer(call, match) {
      const app = appAt(call, match);
      if (!app) return notFound;
      if (call.state.faults.secretsForbidden) return refuse(400, 'CredentialTypeNotAllowedAsPerAppPolicy');
      const { passwordCredential: said } = call.body as {
        passwordCredential: { displayName: string; endDateTime: string };
      };
      const secret = `Q~${randomUUID()}`;
      const added = { keyId: randomUUID(), secret, ...said };
      app.passwords.push(added);
      call.state.secrets.push(secret);
      return ok({ keyId: added.keyId, displayName: said.displayName, secretText: secret, hint: secret.slice(0, 3) });
    },
  },
  {
    method: 'POST',
    path: new RegExp(`^/applications/${ID}${BLUEPRINT}/removePassword$`),
    needs: ['AgentIdentityBlueprint.AddRemoveCreds.All'],
    body: v.strictObject({ keyId: guid }),
    answer(call, match) {
      const app = appAt(call, match);
      const { keyId } = call.body as { keyId: string };
      const held = app?.passwords.find(password => password.keyId === keyId);
      if (!app || !held) return refuse(400, 'Request_BadRequest', 'No password credential found with keyId.');
      if (call.state.faults.removalIgnored > 0) {
        call.state.faults.removalIgnored--;
        return done;
      }
      app.passwords.splice(app.passwords.indexOf(held), 1);
      call.state.removedSecrets.set(held.secret, app.appId);
      return done;
    },
  },
  {
    method: 'GET',
    path: new RegExp(`^/applications/${ID}/federatedIdentityCredentials$`),
    needs: READ_APPS,
    answer: (call, match) => {
      const app = appAt(call, match);
      return app ? ok({ value: app.federated }) : notFound;
    },
  },
  {
    method: 'POST',
    path: new RegExp(`^/applications/${ID}/federatedIdentityCredentials$`),
    needs: ['AgentIdentityBlueprint.AddRemoveCreds.All'],
    body: v.strictObject({
      name: v.pipe(text, v.regex(/^[\w-]{3,120}$/)),
      issuer: text,
      subject: text,
      audiences: v.tuple([v.literal('api://AzureADTokenExchange')]),
    }),
    answer(call, match) {
      const app = appAt(call, match);
      const said = call.body as Omit<App['federated'][number], 'id'>;
      if (!app) return notFound;
      if (app.federated.some(one => one.issuer === said.issuer && one.subject === said.subject))
        return refuse(409, 'Request_MultipleObjectsWithSameKeyValue');
      const added = { id: randomUUID(), ...said };
      app.federated.push(added);
      return ok(added, 201);
    },
  },
  {
    method: 'PATCH',
    path: new RegExp(`^/applications/${ID}/federatedIdentityCredentials/${ID}$`),
    needs: ['AgentIdentityBlueprint.AddRemoveCreds.All'],
    body: v.strictObject({ audiences: v.array(text) }),
    answer(call, match) {
      const held = appAt(call, match)?.federated.find(({ id }) => id === match[2]);
      if (!held) return notFound;
      Object.assign(held, call.body);
      return done;
    },
  },
  {
    method: 'POST',
    path: /^\/servicePrincipals(\/microsoft\.graph\.agentIdentityBlueprintPrincipal)?$/,
    needs: ['Application.ReadWrite.All', 'AgentIdentityBlueprintPrincipal.Create'],
    body: v.strictObject({ appId: guid }),
    answer({ state, body }, [, blueprint]) {
      const { appId } = body as { appId: string };
      if (appId === '7d312290-28c8-473c-a0ed-8e53749b6d6d')
        return ok(state.addPrincipal({ appId, displayName: 'Microsoft Cognitive Services' }), 201);
      const app = state.apps.find(one => one.appId === appId);
      if (!app || !visible(app) || app.blueprint !== (blueprint !== undefined)) return badReference;
      if (state.principals.some(one => one.appId === appId))
        return refuse(409, 'Request_MultipleObjectsWithSameKeyValue');
      return ok(state.addPrincipal({ appId, displayName: app.shown.displayName }), 201);
    },
  },
  {
    method: 'GET',
    path: new RegExp(`^/servicePrincipals\\(appId='${ID}'\\)$`),
    needs: READ_APPS,
    answer({ state }, [, appId]) {
      const found = state.principals.find(one => one.appId === appId && one.blueprint === undefined);
      return found && visible(found) ? ok({ id: found.id, appId }) : notFound;
    },
  },
  {
    method: 'POST',
    path: new RegExp(`^/servicePrincipals${AGENT}$`),
    needs: ['AgentIdentity.Create.All'],
    body: v.strictObject({ displayName: text, agentIdentityBlueprintId: guid, 'sponsors@odata.bind': sponsors }),
    answer({ state, body, token }) {
      const { displayName, agentIdentityBlueprintId: blueprint } = body as Record<string, string>;
      if (state.faults.onlyBlueprintCreates && token.blueprint === undefined)
        return refuse(403, 'Error_AgentIdentitySelfCreateRequired');
      if (token.blueprint !== undefined && token.blueprint !== blueprint)
        return refuse(403, 'Error_AgentBlueprintCannotCreateAssociatedIdentity');
      const principal = state.principals.find(one => one.appId === blueprint);
      if (!principal || !visible(principal)) return refuse(400, 'AgentIdentity_AgentBlueprintPrincipalDoesNotExist');
      return ok(
        showAgent(
          state.addPrincipal({ appId: randomUUID(), displayName: displayName ?? '', blueprint: blueprint ?? '' }),
        ),
        201,
      );
    },
  },
  {
    method: 'GET',
    path: new RegExp(`^/servicePrincipals${AGENT}$`),
    needs: [...READ_APPS, 'AgentIdentity.Read.All'],
    answer({ state, query }) {
      const name = filterOf(query, 'displayName');
      const found = state.principals.filter(
        one => one.blueprint !== undefined && (!query.has('$filter') || one.displayName === name),
      );
      return ok({ value: found.filter(visible).map(showAgent) });
    },
  },
  {
    method: 'GET',
    path: new RegExp(`^/servicePrincipals/${ID}${AGENT}$`),
    needs: [...READ_APPS, 'AgentIdentity.Read.All'],
    answer({ state }, [, id]) {
      const found = state.principals.find(one => one.id === id && one.blueprint !== undefined);
      return found && visible(found) ? ok(showAgent(found)) : notFound;
    },
  },
  {
    method: 'DELETE',
    path: new RegExp(`^/servicePrincipals/${ID}${AGENT}$`),
    needs: ['AgentIdentity.DeleteRestore.All'],
    answer(call, [, id]) {
      const found = call.state.principals.find(one => one.id === id && one.blueprint !== undefined);
      if (!found) return notFound;
      forget(call, found);
      return done;
    },
  },
  {
    method: 'GET',
    path: /^\/oauth2PermissionGrants$/,
    needs: ['Directory.Read.All', 'DelegatedPermissionGrant.ReadWrite.All'],
    answer({ state, query }) {
      const clientId = filterOf(query, 'clientId');
      return clientId === undefined
        ? refuse(400, 'Request_UnsupportedQuery')
        : ok({ value: state.grants.filter(one => one.clientId === clientId) });
    },
  },
  {
    method: 'POST',
    path: /^\/oauth2PermissionGrants$/,
    needs: ['DelegatedPermissionGrant.ReadWrite.All'],
    body: v.strictObject({ clientId: guid, consentType: v.literal('AllPrincipals'), resourceId: guid, scope: text }),
    answer({ state, body }) {
      const said = body as Omit<(typeof state.grants)[number], 'id'>;
      const known = [said.clientId, said.resourceId].every(id =>
        state.principals.some(one => one.id === id && visible(one)),
      );
      if (!known) return notFound;
      if (state.grants.some(one => one.clientId === said.clientId && one.resourceId === said.resourceId))
        return refuse(409, 'Request_MultipleObjectsWithSameKeyValue');
      const added = { id: randomUUID(), ...said };
      state.grants.push(added);
      return state.faults.conflict
        ? refuse(409, 'Request_MultipleObjectsWithSameKeyValue', 'Permission entry already exists.')
        : ok(added, 201);
    },
  },
  {
    method: 'PATCH',
    path: new RegExp(`^/oauth2PermissionGrants/${ID}$`),
    needs: ['DelegatedPermissionGrant.ReadWrite.All'],
    body: v.strictObject({ scope: text }),
    answer({ state, body }, [, id]) {
      const held = state.grants.find(one => one.id === id);
      if (!held) return notFound;
      Object.assign(held, body);
      return done;
    },
  },
];

/** One request to Graph, already known to come with a token for Graph. */
export function graph(call: Call, version: string): Reply {
  const { state, method, path } = call;
  const { betaOnly } = state.faults;
  const appId = /^\/applications\(appId='(.*)'\)$/.exec(path)?.[1];
  const agentic = path.includes('agentIdentity') || state.apps.some(app => app.appId === appId && app.blueprint);
  if (agentic && betaOnly && version === 'v1.0') return refuse(400, 'AgentBlueprint_NotSupportedOnApiVersion');
  if (version === 'v1.0') return answer(call);
  if (!agentic || !betaOnly) state.violations.push(`graph: ${method} ${path}: beta without need`);
  // beta calls one property differently
  const text = JSON.stringify(call.body) ?? 'null';
  if (text.includes('delegatedPermissionIds')) state.violations.push(`graph: ${path}: a name of v1.0 in beta`);
  const body =
    call.body === undefined
      ? undefined
      : (JSON.parse(text.replaceAll('"permissionIds"', '"delegatedPermissionIds"')) as unknown);
  const reply = answer({ ...call, body });
  if (reply.body === undefined) return reply;
  const said = JSON.stringify(reply.body);
  return { ...reply, body: JSON.parse(said.replaceAll('"delegatedPermissionIds"', '"permissionIds"')) as unknown };
}

function answer(call: Call): Reply {
  const { state, method, path, token } = call;
  const wrong = (why: string): Reply => {
    state.violations.push(`graph: ${method} ${path}: ${why}`);
    return refuse(400, 'BadRequest', why);
  };
  for (const route of routes) {
    const match = route.method === method ? route.path.exec(path) : null;
    if (!match) continue;
    if (token.scopes ? !route.needs.some(need => token.scopes?.includes(need)) : !path.includes('agentIdentity'))
      return refuse(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
    if ((call.body !== undefined) !== (route.body !== undefined)) return wrong('body');
    const parsed = route.body && v.safeParse(route.body, call.body);
    if (parsed && !parsed.success)
      return wrong(`${v.getDotPath(parsed.issues[0])} ${parsed.issues[0].message} in ${JSON.stringify(call.body)}`);
    return route.answer(call, match);
  }
  return wrong('no such request');
}

/** A change of an application. It replaces the lists that it names, as Graph does, and nothing else. */
function change(call: Call, match: RegExpExecArray): Reply {
  const app = appAt(call, match);
  const { state } = call;
  if (!app) return notFound;
  if (app.blueprint !== (match[2] !== undefined))
    state.violations.push('blueprint changed by the address of an application, or the other way round');
  const body = call.body as { api?: Record<string, unknown>; identifierUris?: string[] };
  if (
    body.identifierUris?.some(
      uri => uri !== `api://${app.appId}` && !(app.shown.identifierUris as string[] | undefined)?.includes(uri),
    )
  )
    return refuse(400, 'HostNameNotOnVerifiedDomain');
  if (state.faults.rollbacks > 0) {
    state.faults.rollbacks--;
    return done;
  }
  Object.assign(app.shown, body, { api: { ...(app.shown.api as object), ...body.api } });
  return done;
}

const show = (app: App) => ({
  ...app.shown,
  id: app.id,
  appId: app.appId,
  passwordCredentials: app.passwords.map(({ keyId, displayName }) => ({ keyId, displayName, secretText: null })),
});
const showAgent = ({ id, displayName, blueprint }: Principal) => ({
  id,
  displayName,
  agentIdentityBlueprintId: blueprint,
  tags: [],
});

function appAt({ state }: Call, [, id]: RegExpExecArray): App | undefined {
  const app = state.apps.find(one => one.id === id);
  return app && visible(app) ? app : undefined;
}

function forget({ state }: Call, principal: Principal): void {
  state.principals.splice(state.principals.indexOf(principal), 1);
  const left = state.grants.filter(
    ({ clientId, resourceId }) => clientId !== principal.id && resourceId !== principal.id,
  );
  state.grants.splice(0, state.grants.length, ...left);
}

function filterOf(query: URLSearchParams, property: string): string | undefined {
  const [, value] = new RegExp(`^${property} eq '((?:[^']|'')*)'$`).exec(query.get('$filter') ?? '') ?? [];
  return value?.replaceAll("''", "'");
}
