import * as v from 'valibot';
import { ok, refuse, type Call, type Reply } from './reply.ts';

const guid = v.pipe(v.string(), v.uuid());
const Body = v.strictObject({
  properties: v.strictObject({
    roleDefinitionId: v.pipe(
      v.string(),
      v.regex(
        /^\/subscriptions\/[^/]+\/providers\/Microsoft\.Authorization\/roleDefinitions\/5e0bd9bd-7b93-4f28-af87-19fc36ad61bd$/,
      ),
    ),
    principalId: guid,
    principalType: v.picklist(['User', 'ServicePrincipal']),
  }),
});
const ACCOUNT =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.CognitiveServices\/accounts\/[^/]+$/;
const PATH =
  /^(\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.CognitiveServices\/accounts\/[^/]+)\/providers\/Microsoft\.Authorization\/roleAssignments(?:\/([0-9a-f-]{36}))?$/;

/** Azure Resource Manager of the stand-in: role assignments on an account. */
export function azure({ method, path, query, body, state }: Call): Reply {
  const wrong = (text: string): Reply => {
    state.violations.push(`azure: ${text}`);
    return refuse(400, 'BadRequest', text);
  };
  if (method === 'GET' && ACCOUNT.test(path) && query.get('api-version') === '2023-05-01')
    return state.accountReadable
      ? ok({ kind: 'OpenAI', properties: { customSubDomainName: 'Agents-Model', endpoint: 'https://x/' } })
      : refuse(403, 'AuthorizationFailed', 'The client does not have authorization to read the account.');
  const [, scope = '', name] = PATH.exec(path) ?? [];
  if (!scope || query.get('api-version') !== '2022-04-01') return wrong(`${method} ${path}?${query.toString()}`);
  const shown = (one: (typeof state.assignments)[number]) => ({
    name: one.name,
    id: one.name,
    properties: { ...one, principalType: 'x' },
  });
  if (method === 'GET' && name === undefined) {
    // "List Azure role assignments using the REST API": also those of the groups that the principal is in
    const [, principalId] = /^assignedTo\('([0-9a-f-]{36})'\)$/.exec(query.get('$filter') ?? '') ?? [];
    if (principalId === undefined) return wrong(`filter ${query.get('$filter')}`);
    const holders = [principalId, ...state.groupsOf(principalId)];
    return ok({ value: state.assignments.filter(one => holders.includes(one.principalId)).map(shown) });
  }
  if (name === undefined) return wrong(`${method} ${path}`);
  const held = state.assignments.findIndex(one => one.name === name);
  if (method === 'DELETE') {
    if (held >= 0) state.assignments.splice(held, 1);
    return { status: held >= 0 ? 200 : 204, body: held >= 0 ? {} : undefined };
  }
  const parsed = v.safeParse(Body, body);
  if (method !== 'PUT' || !parsed.success) return wrong(`${method} ${JSON.stringify(body)}`);
  const { principalId, roleDefinitionId } = parsed.output.properties;
  const twin = state.assignments.some(
    one => one.principalId === principalId && one.roleDefinitionId === roleDefinitionId && one.scope === scope,
  );
  if (twin) return refuse(409, 'RoleAssignmentExists', 'The role assignment already exists.');
  const made = { name, scope, principalId, roleDefinitionId };
  state.assignments.push(made);
  return ok(shown(made), 201);
}
