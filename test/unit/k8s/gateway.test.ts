import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import * as v from 'valibot';
import { parse } from 'yaml';
import { VALUES, variants } from './support/manifests.ts';

const jwtAuth = v.object({
  mode: v.string(),
  issuer: v.string(),
  audiences: v.tuple([v.string()]),
  jwks: v.object({ url: v.string() }),
  jwtValidationOptions: v.object({ requiredClaims: v.array(v.string()) }),
});
const target = v.object({ name: v.string(), mcp: v.object({ host: v.string() }) });
const rules = v.object({ rules: v.array(v.record(v.string(), v.string())) });
const file = v.object({
  config: v.strictObject({ adminAddr: v.string() }),
  frontendPolicies: v.object({ accessLog: v.strictObject({ add: v.record(v.string(), v.string()) }) }),
  gateways: v.strictObject({ default: v.strictObject({ port: v.number() }) }),
  routes: v.tuple([
    v.object({
      matches: v.array(v.unknown()),
      policies: v.object({
        jwtAuth,
        authorization: rules,
        backendTLS: v.unknown(),
        backendAuth: v.unknown(),
      }),
      backends: v.tuple([v.object({ ai: v.object({ hostOverride: v.string() }) })]),
    }),
    v.object({
      matches: v.array(v.unknown()),
      policies: v.object({
        jwtAuth,
        authorization: rules,
        mcpAuthorization: rules,
        backendAuth: v.optional(v.unknown()),
      }),
      backends: v.tuple([v.object({ mcp: v.object({ failureMode: v.string(), targets: v.array(target) }) })]),
    }),
  ]),
});

let gateway: v.InferOutput<typeof file>;
before(async () => {
  const objects = (await variants()).get('base') ?? [];
  const found = objects.find(each => each.metadata.name === 'agentgateway-config');
  const { data } = v.parse(v.object({ data: v.object({ 'config.yaml': v.string() }) }), found);
  gateway = v.parse(file, parse(data['config.yaml']));
});

test('both routes take only tokens of this tenant, each for its own audience, with a user behind them', () => {
  const [llm, mcp] = gateway.routes;
  assert.deepEqual([llm.matches, mcp.matches], [[{ path: { pathPrefix: '/llm' } }], [{ path: { exact: '/mcp' } }]]);
  for (const { policies } of [llm, mcp]) {
    assert.deepEqual(policies.authorization.rules, [{ require: 'has(jwt.scp)' }]);
    assert.deepEqual(
      { ...policies.jwtAuth, audiences: [] },
      {
        mode: 'strict',
        issuer: `https://sts.windows.net/${VALUES.TENANT_ID}/`,
        audiences: [],
        jwks: { url: `https://login.microsoftonline.com/${VALUES.TENANT_ID}/discovery/v2.0/keys` },
        jwtValidationOptions: { requiredClaims: ['exp', 'aud', 'iss'] },
      },
    );
  }
  assert.deepEqual(llm.policies.jwtAuth.audiences, ['https://cognitiveservices.azure.com']);
  assert.deepEqual(mcp.policies.jwtAuth.audiences, [`api://${VALUES.MCP_APP_ID}`]);
});

test('tools are for the agents that are listed, and for them only as agents', () => {
  const [, { policies, backends }] = gateway.routes;
  assert.deepEqual(policies.mcpAuthorization.rules, [
    { require: `jwt.appid in [${VALUES.AGENT_APP_IDS}] && '11' in jwt.xms_act_fct.split(' ')` },
    { deny: "mcp.tool.target == 'exa-ai' && mcp.tool.name == 'crawling_exa'" },
  ]);
  const [{ mcp }] = backends;
  assert.equal(mcp.failureMode, 'failOpen');
  assert.deepEqual(
    mcp.targets.map(each => each.name),
    ['microsoft', 'exa-ai'],
  );
  for (const each of mcp.targets) assert.match(each.mcp.host, /^https:\/\//);
});

test('the token goes on to Azure, over TLS, and to no MCP server', () => {
  const [llm, mcp] = gateway.routes;
  assert.deepEqual([llm.policies.backendTLS, llm.policies.backendAuth], [{}, { passthrough: {} }]);
  assert.equal(llm.backends[0].ai.hostOverride, `${VALUES.AZURE_OPENAI_HOST}:443`);
  assert.equal(mcp.policies.backendAuth, undefined);
});

test('the log names user, agent, audience and issuer, and no token; one port is open, and it is not the administrator’s', () => {
  const { add } = gateway.frontendPolicies.accessLog;
  assert.deepEqual(Object.keys(add), ['user', 'agent', 'audience', 'issuer']);
  assert.doesNotMatch(JSON.stringify(add), /rawToken|authorization/i);
  assert.equal(gateway.config.adminAddr, 'off');
  assert.deepEqual(gateway.gateways, { default: { port: 3000 } });
});
