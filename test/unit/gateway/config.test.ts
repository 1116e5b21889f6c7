import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { mcpRoutes, parseGatewayConfig } from '../../../src/gateway/config.ts';

const RULE = "jwt.appid == 'AGENT' && '11' in jwt.xms_act_fct.split(' ')";

/** A file in today's form, with what a client has no use for. */
const TODAY = `
config: {adminAddr: localhost:15000, metrics: {fields: {add: {user_name: jwt.preferred_username}}}}
gateways: {default: {port: 3000}}
routes:
- name: llm
  matches: [{path: {pathPrefix: /llm}}]
  policies:
    cors: {allowOrigins: ["*"]}
    jwtAuth: {mode: strict, issuer: https://sts.windows.net/TENANT/, audiences: ["https://cognitiveservices.azure.com"], jwks: {url: https://example.test/keys}}
    authorization: {rules: [{require: has(jwt.sub)}]}
    ai: {routes: {/chat/completions: completions}}
  backends:
  - ai: {name: azure-openai, hostOverride: "R.openai.azure.com:443", provider: {openAI: {}}}
- name: mcp
  matches:
  - path: {exact: /.well-known/oauth-protected-resource/mcp}
  - path: {exact: /mcp}
  policies:
    mcpAuthentication: {mode: strict, issuer: https://sts.windows.net/TENANT/, audiences: ["api://MCP"], jwks: {file: keys.json}}
    mcpAuthorization:
      rules:
      - require: "${RULE}"
  backends:
  - mcp:
      failureMode: failOpen
      targets:
      - {name: microsoft, mcp: {host: "https://learn.microsoft.com/api/mcp"}}
      - {name: exa-ai, mcp: {host: "https://mcp.exa.ai/mcp"}}
`;

/** The older form, with several providers and a bare rule, and policies on the backend. */
const OLDER = `
binds:
- port: 3000
  listeners:
  - routes:
    - matches: [{path: {exact: /tools}}]
      policies:
        jwtAuth:
          providers:
          - {issuer: https://sts.windows.net/T/, audiences: [api://one]}
          - {issuer: https://login.microsoftonline.com/T/v2.0, audiences: [one]}
      backends:
      - mcp: {targets: [{name: a, sse: {host: h, port: 1, path: /sse}}]}
        policies: {mcpAuthorization: {rules: ["jwt.sub == 'x'", {deny: "mcp.tool.name == 'rm'"}, {unknown: shape}]}}
    - backends: [{mcp: {targets: [{name: b}]}}]
    - matches: [{path: {regex: "/x/.*"}}]
      backends: [{mcp: {targets: [{name: c}]}}]
    - matches: [{path: {pathPrefix: /shared}}]
      backends: [{backend: common}]
backends:
- name: common
  mcp: {targets: [{name: d}, {name: e}]}
  policies: {mcpAuthorization: {rules: [{allow: "true"}]}}
`;

describe('an AgentGateway file', () => {
  it('gives its routes with what they take and what is behind them', () => {
    const config = parseGatewayConfig(TODAY);
    assert.deepEqual(config.routes[0], {
      name: 'llm',
      matches: [{ kind: 'pathPrefix', path: '/llm', headers: [], query: [] }],
      hostnames: [],
      kind: 'ai',
      stages: [
        { at: 'gateway', authorization: [], unread: [] },
        {
          at: 'route',
          token: {
            kind: 'jwtAuth',
            mode: 'strict',
            providers: [
              {
                issuer: 'https://sts.windows.net/TENANT/',
                audiences: ['https://cognitiveservices.azure.com'],
                requiredClaims: ['exp'],
                keys: { kind: 'url', location: 'https://example.test/keys' },
              },
            ],
          },
          authorization: [{ mode: 'require', expression: 'has(jwt.sub)', line: 10 }],
          unread: [],
        },
        { at: 'backend', authorization: [], unread: [] },
      ],
      mcpAuthorization: [],
      targets: [],
    });
    assert.deepEqual(mcpRoutes(config), [
      {
        name: 'mcp',
        path: '/mcp',
        targets: ['microsoft', 'exa-ai'],
        rules: [{ mode: 'require', expression: RULE, line: 22 }],
        audiences: ['api://MCP'],
      },
    ]);
  });

  it('may use binds, backend policies, named backends and several providers', () => {
    const config = parseGatewayConfig(OLDER);
    assert.deepEqual(
      config.routes[0]!.stages[1]?.token?.providers.map(({ issuer }) => issuer),
      ['https://sts.windows.net/T/', 'https://login.microsoftonline.com/T/v2.0'],
    );
    assert.deepEqual(
      config.routes[0]!.stages[2]?.unread,
      ['mcpAuthorization'],
      'one rule has a shape that we do not know',
    );
    assert.deepEqual(
      mcpRoutes(config).map(({ path, targets, rules }) => ({ path, targets, rules: rules.length })),
      [
        { path: '/tools', targets: ['a'], rules: 2 },
        { path: '/mcp', targets: ['b'], rules: 0 }, // takes every path
        { path: '/shared', targets: ['d', 'e'], rules: 1 },
      ],
    );
  });

  it('may use the simple form', () => {
    const config = parseGatewayConfig(
      'mcp: {port: 3000, targets: [{name: t}], policies: {jwtAuth: {issuer: i, audiences: [a]}, mcpAuthorization: {rules: ["true"]}}}',
    );
    assert.deepEqual(mcpRoutes(config), [
      {
        name: 'mcp',
        path: '/mcp',
        targets: ['t'],
        rules: [{ mode: 'allow', expression: 'true', line: 1 }],
        audiences: ['a'],
      },
    ]);
  });

  it('loses only the part that has another shape', () => {
    const config = parseGatewayConfig('routes: [{name: 7, policies: [], backends: [{mcp: {targets: no}}]}]');
    assert.deepEqual(mcpRoutes(config), [{ name: 'route 1', path: '/mcp', targets: [], rules: [], audiences: [] }]);
    assert.deepEqual(parseGatewayConfig('{}').routes, []);
  });

  it('says where it is no YAML', () => {
    const error = (text: string) => {
      try {
        parseGatewayConfig(text);
      } catch (thrown) {
        assert.ok(AgentIdError.is(thrown, 'gateway.configUnreadable'), String(thrown));
        return thrown.args.line;
      }
      throw new assert.AssertionError({ message: 'should not parse' });
    };
    assert.equal(error('routes:\n- name: [unclosed\n'), 3);
    assert.equal(error('just text'), 1);
    assert.equal(error('a: ' + 'x'.repeat(2 ** 20)), 1);
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 12; i++)
      bomb.push(`${'abcdefghijkl'[i]}: &${'abcdefghijkl'[i]} [${`*${'abcdefghijkl'[i - 1]},`.repeat(9)}]`);
    assert.equal(error(bomb.join('\n')), 1);
  });
});
