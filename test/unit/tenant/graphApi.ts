// Microsoft Graph of the stand-in. It checks each request against the documented form (api-reference/v1.0 of
// microsoft-graph-docs-contrib): path, permission, body without a field too many.
import * as v from 'valibot';
import { applicationRoutes } from './graphApplications.ts';
import { principalRoutes } from './graphPrincipals.ts';
import { refuse, type Call, type Reply } from './reply.ts';

const routes = [...applicationRoutes, ...principalRoutes];

/** One request to Graph, already known to come with a token for Graph. */
export function graph(call: Call, version: string): Reply {
  const { state, method, path } = call;
  const { betaOnly } = state.faults;
  const appId = /^\/applications\(appId='(.*)'\)$/.exec(path)?.[1];
  const agentic = path.includes('agentIdentity') || state.apps.some(app => app.appId === appId && app.blueprint);
  if (agentic && betaOnly && version === 'v1.0')
    return method === 'GET'
      ? refuse(400, 'AgentBlueprint_NotSupportedOnApiVersion')
      : refuse(
          403,
          'Authorization_RequestDenied',
          'Agent Blueprints are not supported on the API version used in this request.',
        );
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
    if (token.unknownIdentity)
      return refuse(
        401,
        'Authorization_IdentityNotFound',
        'The identity of the calling application could not be established.',
      );
    const used = route.needs.find(need => token.scopes?.includes(need));
    if (token.scopes ? used === undefined : !route.blueprintMay)
      return refuse(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
    if (used !== undefined) state.used.add(used);
    if ((call.body !== undefined) !== (route.body !== undefined)) return wrong('body');
    const parsed = route.body && v.safeParse(route.body, call.body);
    if (parsed && !parsed.success)
      return wrong(`${v.getDotPath(parsed.issues[0])} ${parsed.issues[0].message} in ${JSON.stringify(call.body)}`);
    return route.answer(call, match);
  }
  return wrong('no such request');
}
