import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JWTPayload } from 'jose';
import { silentLogger } from '../../src/base/logger.ts';
import { mcpRoutes, parseGatewayConfig } from '../../src/gateway/config.ts';
import { explainDenial } from '../../src/gateway/policy.ts';
import { McpConnection } from '../../src/mcp/connection.ts';
import { groupByTarget } from '../../src/mcp/names.ts';
import { startMcpServers, type RunningMcpServers } from '../../src/sandbox/mcp/servers.ts';
import { stringify } from 'yaml';
import {
  AGENT,
  createSigner,
  ISSUER,
  jwtAuth,
  MCP_AUDIENCE,
  startOn,
  t2,
  type Signer,
} from './sandbox-gateway.fixture.ts';

/*
 * The simulated gateway evaluates rules with another CEL library than our preflight. Here both judge the same rules,
 * claims and tools: where they differ, one of us is wrong about AgentGateway.
 */

const RULE_SETS: unknown[][] = [
  [],
  [`jwt.appid == '${AGENT}' && '11' in jwt.xms_act_fct.split(' ')`],
  [{ require: `jwt.appid in ['${AGENT}', 'other'] && '11' in jwt.xms_act_fct.split(' ')` }],
  [{ deny: "mcp.tool.target == 'exa-ai' && mcp.tool.name == 'crawling_exa'" }],
  [{ deny: "jwt.absent == 'x'" }],
  [{ require: "mcp.tool.name != 'web_search_exa'" }, { require: 'has(jwt.upn)' }],
  ["mcp.tool.target == 'microsoft'", "mcp.tool.name.startsWith('web_') && has(jwt.appid)"],
  ["jwt.appid == 'nobody' || jwt.azp == 'nobody'", { deny: 'false' }],
  ["(has(jwt.appid) ? jwt.appid : jwt.azp) == 'agent-1'"],
  ["has(jwt.azp) && jwt.azp == 'agent-1' || has(jwt.appid) && jwt.appid == 'agent-1'"],
  ["!(jwt.appid == 'agent-1')"],
  ['!has(jwt.appid)'],
  ["jwt.roles.exists(r, r == 'reader') && mcp.tool.name.contains('search')"],
  ["jwt.roles.all(r, r.matches('^[a-z]+$'))"],
  ["'reader' in jwt.roles"],
  ["default(jwt.tier, 'free') == 'free'"],
  ["coalesce(jwt.azp, jwt.appid, 'none') == 'agent-1'"],
  ['jwt.level >= 2'],
  ["size(jwt.roles) == 2 && jwt.scp.split(' ').size() >= 1"],
  ["mcp.tool.arguments.url == 'x'"],
  ["mcp.tool.name in ['microsoft_docs_search', 'web_search_exa']", { deny: "mcp.tool.name.endsWith('_exa')" }],
  [{ require: "jwt.absent == 'x' || true" }],
  [{ require: "jwt.nested.team == 'blue' || jwt.nested['team'] == 'red'" }],
];

const CLAIMS: Record<string, JWTPayload> = {
  'an agent, version 1': t2(MCP_AUDIENCE),
  'another agent with roles': t2(MCP_AUDIENCE, { appid: 'other', roles: ['reader', 'writer'], level: 3, tier: 'gold' }),
  'an agent, version 2': {
    ...t2(MCP_AUDIENCE, { azp: AGENT, nested: { team: 'red' } }),
    appid: undefined,
    xms_act_fct: undefined,
    upn: undefined,
  },
  'no agent at all': t2(MCP_AUDIENCE, { appid: 'app', xms_act_fct: '3 9', level: 1.5, nested: { team: 'blue' } }),
};

let servers: RunningMcpServers;
let signer: Signer;

before(async () => {
  servers = await startMcpServers();
  signer = await createSigner();
});
after(() => servers.close());

test('both engines judge every tool alike', async t => {
  const targets = [servers.microsoft, servers.exa].map(({ name, url }) => ({ name, mcp: { host: url } }));
  const routes = RULE_SETS.map((rules, index) => ({
    name: `route-${index}`,
    matches: [{ path: { exact: `/mcp${index}` } }],
    policies: { jwtAuth: jwtAuth(signer, MCP_AUDIENCE), ...(rules.length > 0 && { mcpAuthorization: { rules } }) },
    backends: [{ mcp: { targets } }],
  }));
  const gateway = await startOn(t, routes);
  const read = mcpRoutes(parseGatewayConfig(stringify({ routes })));
  assert.equal(read.length, RULE_SETS.length);

  async function listed(path: string, token: string): Promise<Set<string>> {
    const connection = new McpConnection(
      { id: path, label: path, kind: 'gateway', url: gateway.origin + path },
      { fetch, token: async () => token, logger: silentLogger, clientVersion: '0' },
    );
    try {
      await connection.connect(AbortSignal.timeout(20_000));
      return new Set((await connection.listTools(AbortSignal.timeout(20_000))).map(tool => tool.name));
    } finally {
      await connection.close();
    }
  }

  const all = await listed('/mcp0', await signer.mint(CLAIMS['an agent, version 1']!));
  const tools = groupByTarget(
    [...all].map(name => ({ name, description: '', inputSchema: {} })),
    ['microsoft', 'exa-ai'],
  ).flatMap(({ target, tools: own }) => own.map(({ name, tool }) => ({ listedAs: tool.name, name, target })));
  assert.ok(tools.length >= 4);

  for (const [who, payload] of Object.entries(CLAIMS)) {
    const claims = JSON.parse(JSON.stringify({ exp: 0, iss: ISSUER, ...payload })) as Record<string, unknown>;
    const token = await signer.mint({ ...payload });
    for (const route of read) {
      const seen = await listed(route.path, token);
      for (const { listedAs, name, target } of tools) {
        const denial = explainDenial(route, claims, { name, target });
        const rules = JSON.stringify(route.rules);
        assert.notEqual(denial?.outcome, 'unknown', rules);
        assert.equal(denial === undefined, seen.has(listedAs), `${who}: ${listedAs} by ${rules}: ${denial?.summary}`);
      }
      const nothing = explainDenial(route, claims);
      if (nothing) assert.equal(seen.size, 0, `${who}: ${nothing.summary}`);
    }
  }
});
