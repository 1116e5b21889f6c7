// Principals, agent identities and consents of the stand-in for Microsoft Graph.
import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { COGNITIVE, visible, type Principal } from './directory.ts';
import { guid, sponsors, text } from './graphBodies.ts';
import { AGENT, filterOf, forget, ID, READ_APPS, type Route } from './graphRoute.ts';
import { badReference, done, notFound, ok, refuse, type Call, type Reply } from './reply.ts';

export const principalRoutes: Route[] = [
  {
    method: 'POST',
    path: /^\/servicePrincipals$/,
    needs: ['Application.ReadWrite.All'],
    body: v.strictObject({ appId: guid }),
    answer: call => added(call, false),
  },
  {
    method: 'POST',
    path: /^\/servicePrincipals\/microsoft\.graph\.agentIdentityBlueprintPrincipal$/,
    needs: ['AgentIdentityBlueprintPrincipal.Create', 'AgentIdentityBlueprintPrincipal.ReadWrite.All'],
    body: v.strictObject({ appId: guid }),
    answer: call => added(call, true),
  },
  {
    method: 'GET',
    path: new RegExp(`^/servicePrincipals\\(appId='${ID}'\\)$`),
    needs: READ_APPS,
    answer({ state }, [, appId]) {
      const found = state.principals.find(one => one.appId === appId && one.blueprint === undefined);
      return found && visible(found) ? ok({ id: found.id, appId, accountEnabled: found.enabled }) : notFound;
    },
  },
  {
    method: 'POST',
    path: new RegExp(`^/servicePrincipals${AGENT}$`),
    needs: ['AgentIdentity.Create.All', 'AgentIdentity.ReadWrite.All'],
    blueprintMay: true, // AgentIdentity.CreateAsManager comes with its principal
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
    needs: ['AgentIdentity.Read.All', 'AgentIdentity.ReadWrite.All'], // not Application.Read.All, which is enough for one
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
    needs: ['AgentIdentity.Read.All', ...READ_APPS],
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

function added({ state, body }: Call, blueprint: boolean): Reply {
  const { appId } = body as { appId: string };
  if (appId === COGNITIVE) return ok(state.addPrincipal({ appId, displayName: 'Microsoft Cognitive Services' }), 201);
  const app = state.apps.find(one => one.appId === appId);
  if (!app || !visible(app) || app.blueprint !== blueprint) return badReference;
  if (state.principals.some(one => one.appId === appId)) return refuse(409, 'Request_MultipleObjectsWithSameKeyValue');
  return ok(state.addPrincipal({ appId, displayName: app.shown.displayName }), 201);
}

const showAgent = ({ id, displayName, blueprint, enabled }: Principal) => ({
  id,
  accountEnabled: enabled,
  displayName,
  agentIdentityBlueprintId: blueprint,
  tags: [],
});
