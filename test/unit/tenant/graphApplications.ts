// Applications and blueprints of the stand-in for Microsoft Graph.
import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { visible, type App, type TenantState } from './directory.ts';
import { guid, text, Tags, sponsors, Expose, PreAuthorize, Claims, Client } from './graphBodies.ts';
import { BLUEPRINT, filterOf, forget, ID, READ_APPS, type Route } from './graphRoute.ts';
import { done, notFound, ok, refuse, type Call, type Reply } from './reply.ts';

export const applicationRoutes: Route[] = [
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
      return ok(show(state.addApp(displayName, true, { tags, api: { requestedAccessTokenVersion: 2 } }), state), 201);
    },
  },
  {
    method: 'POST',
    path: /^\/applications$/,
    needs: ['Application.ReadWrite.All'],
    body: v.strictObject({ displayName: text, signInAudience: v.literal('AzureADMyOrg'), tags: Tags }),
    answer({ state, body }) {
      const { displayName, tags } = body as { displayName: string; tags: string[] };
      return ok(
        show(state.addApp(displayName, false, { tags, api: { requestedAccessTokenVersion: null } }), state),
        201,
      );
    },
  },
  {
    method: 'GET',
    path: /^\/applications$/,
    needs: READ_APPS,
    answer: ({ state, query }) => listed(query, state, state.apps),
  },
  {
    method: 'GET',
    path: new RegExp(`^/applications${BLUEPRINT}$`),
    needs: ['AgentIdentityBlueprint.Read.All', 'AgentIdentityBlueprint.ReadWrite.All'],
    answer: ({ state, query }) =>
      listed(
        query,
        state,
        state.apps.filter(app => app.blueprint),
      ),
  },
  {
    method: 'GET',
    path: new RegExp(`^/applications\\(appId='${ID}'\\)$`),
    needs: READ_APPS,
    answer({ state }, [, appId]) {
      const app = state.apps.find(one => one.appId === appId);
      return app && visible(app) ? ok(show(app, state)) : notFound;
    },
  },
  {
    method: 'PATCH',
    path: new RegExp(`^/applications/${ID}$`),
    needs: ['Application.ReadWrite.All'],
    body: v.union([Expose, Claims, Client]),
    answer: (call, match) => change(call, match, false),
  },
  {
    method: 'PATCH',
    path: new RegExp(`^/applications/${ID}${BLUEPRINT}$`),
    // create-blueprint.md of MicrosoftDocs/entra-docs; the page of the call has no permission for these properties
    needs: ['AgentIdentityBlueprint.UpdateAuthProperties.All', 'AgentIdentityBlueprint.ReadWrite.All'],
    body: v.union([Expose, PreAuthorize]),
    answer: (call, match) => change(call, match, true),
  },
  {
    method: 'DELETE',
    path: new RegExp(`^/applications/${ID}$`),
    needs: ['Application.ReadWrite.All'],
    answer: (call, match) => remove(call, match, false),
  },
  {
    method: 'DELETE',
    path: new RegExp(`^/applications/${ID}${BLUEPRINT}$`),
    needs: ['AgentIdentityBlueprint.DeleteRestore.All', 'AgentIdentityBlueprint.ReadWrite.All'],
    answer: (call, match) => remove(call, match, true),
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
    path: new RegExp(`^/applications/${ID}${BLUEPRINT}/federatedIdentityCredentials$`),
    needs: ['AgentIdentityBlueprint.Read.All', 'Application.Read.All', 'Directory.Read.All'],
    answer: (call, match) => {
      const app = appAt(call, match);
      return app ? ok({ value: app.federated }) : notFound;
    },
  },
  {
    method: 'POST',
    path: new RegExp(`^/applications/${ID}${BLUEPRINT}/federatedIdentityCredentials$`),
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
    path: new RegExp(`^/applications/${ID}${BLUEPRINT}/federatedIdentityCredentials/${ID}$`),
    needs: ['AgentIdentityBlueprint.AddRemoveCreds.All'],
    body: v.strictObject({ audiences: v.array(text) }),
    answer(call, match) {
      const held = appAt(call, match)?.federated.find(({ id }) => id === match[2]);
      if (!held) return notFound;
      Object.assign(held, call.body);
      return done;
    },
  },
];

/** A change of an application. It replaces the lists that it names, as Graph does, and nothing else. */
function change(call: Call, match: RegExpExecArray, blueprint: boolean): Reply {
  const app = appAt(call, match);
  const { state } = call;
  if (!app) return notFound;
  if (app.blueprint !== blueprint)
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

function remove(call: Call, match: RegExpExecArray, blueprint: boolean): Reply {
  const app = appAt(call, match);
  if (!app) return notFound;
  const { state } = call;
  if (app.blueprint !== blueprint)
    state.violations.push('blueprint deleted by the address of an application, or the other way round');
  if (app.blueprint && state.principals.some(principal => principal.blueprint === app.appId))
    state.violations.push('blueprint deleted before its agents');
  state.apps.splice(state.apps.indexOf(app), 1);
  const principal = state.principals.find(({ appId }) => appId === app.appId);
  if (principal) forget(call, principal);
  return done;
}

/** Applications of one name: without a `$filter` the real list is long, and a script that reads all of it is wrong here. */
function listed(query: URLSearchParams, state: TenantState, apps: readonly App[]): Reply {
  const name = filterOf(query, 'displayName');
  if (name === undefined) return refuse(400, 'Request_UnsupportedQuery');
  const found = apps.filter(app => app.shown.displayName === name);
  return ok({ value: found.filter(visible).map(app => show(app, state)) });
}

const show = (app: App, { faults }: TenantState) => ({
  ...app.shown,
  id: app.id,
  appId: app.appId,
  passwordCredentials: (faults.secretHidden-- > 0 ? [] : app.passwords).map(({ keyId, displayName }) => ({
    keyId,
    displayName,
    secretText: null,
  })),
});

function appAt({ state }: Call, [, id]: RegExpExecArray): App | undefined {
  const app = state.apps.find(one => one.id === id);
  return app && visible(app) ? app : undefined;
}
