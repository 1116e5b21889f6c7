import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { expand, parseGatewayFile } from '../../../src/sandbox/gateway/file.ts';
import { renderGatewayFile } from '../../../src/sandbox/gateway/render.ts';

const values = {
  NAMESPACE: 'agent-id',
  TENANT_ID: '11111111-2222-3333-4444-555555555555',
  MCP_APP_ID: 'aaaaaaaa-2222-3333-4444-555555555555',
  AGENT_APP_IDS: "'bbbbbbbb-2222-3333-4444-555555555555'",
  AZURE_OPENAI_HOST: 'contoso.openai.azure.com',
};
const endpoints = {
  issuer: 'https://127.0.0.1:8443/sts/tenant/',
  jwksFile: '/tmp/jwks.json',
  model: 'http://127.0.0.1:9000',
  mcpTargets: { microsoft: 'http://127.0.0.1:9001/api/mcp', 'exa-ai': 'http://127.0.0.1:9002/mcp' },
  port: 31234,
};
const manifest = () => readFile(new URL('../../../k8s/base/agentgateway-config.yaml', import.meta.url), 'utf8');

describe('the gateway file of the cluster', () => {
  it('is one that this gateway reads whole, as deployed', async () => {
    const filled = (await manifest()).replace(/\$\{(\w+)\}/g, (_all, name: keyof typeof values) => values[name]);
    const { data, metadata } = parse(filled) as { data: Record<string, string>; metadata: Record<string, unknown> };
    assert.deepEqual(metadata, {
      name: 'agentgateway-config',
      namespace: 'agent-id',
      labels: { 'app.kubernetes.io/part-of': 'agent-id' },
    });
    const text = data['config.yaml'] ?? '';
    const file = parseGatewayFile(text, {});
    assert.deepEqual(
      file.routes.map(({ name }) => name),
      ['llm', 'mcp'],
    );
    // The gateway would expand a dollar sign again; the schema line is the one exception.
    assert.doesNotMatch(text.replace('yaml-language-server: $schema', ''), /\$/);
  });

  it('is rendered for the sandbox by replacing only where things are', async () => {
    const text = renderGatewayFile(await manifest(), values, endpoints);
    const file = parseGatewayFile(text, {});
    assert.equal(file.gateways.default.port, 31234);
    const [llm, mcp] = file.routes;
    assert.ok(llm && mcp);
    for (const { policies } of [llm, mcp]) {
      assert.ok(policies.jwtAuth && 'issuer' in policies.jwtAuth);
      assert.equal(policies.jwtAuth.mode, 'strict');
      assert.equal(policies.jwtAuth.issuer, endpoints.issuer);
      assert.deepEqual(policies.jwtAuth.jwks, { file: '/tmp/jwks.json' });
    }
    assert.equal(llm.policies.backendTLS, undefined);
    assert.deepEqual(llm.policies.backendAuth, { passthrough: {} });
    assert.deepEqual(llm.backends[0], {
      ai: { name: 'azure-openai', hostOverride: '127.0.0.1:9000', provider: { openAI: {} } },
    });
    assert.deepEqual(mcp.policies.mcpAuthorization?.rules, [
      { require: `jwt.appid in [${values.AGENT_APP_IDS}] && '11' in jwt.xms_act_fct.split(' ')` },
      { deny: "mcp.tool.target == 'exa-ai' && mcp.tool.name == 'crawling_exa'" },
    ]);
    const [backend] = mcp.backends;
    assert.ok(backend && 'mcp' in backend);
    assert.equal(backend.mcp.failureMode, 'failOpen');
    assert.deepEqual(
      backend.mcp.targets.map(({ name, mcp: { host } }) => [name, host]),
      Object.entries(endpoints.mcpTargets),
    );
    assert.match(text, /# Called by an agent that we know/);
    assert.doesNotMatch(text, /microsoftonline|sts\.windows\.net|exa\.ai\/mcp|learn\.microsoft/);
  });

  it('keeps TLS for a model over https, and says what has no value', async () => {
    const text = renderGatewayFile(await manifest(), values, { ...endpoints, model: 'https://models.example' });
    const [llm] = parseGatewayFile(text, {}).routes;
    assert.deepEqual(llm?.policies.backendTLS, {});
    assert.match(text, /hostOverride: models\.example:443/);
    const source = await manifest();
    assert.throws(() => renderGatewayFile(source, { TENANT_ID: 't' }, endpoints), /needs a value for NAMESPACE/);
    const targets = { microsoft: 'http://127.0.0.1:1/mcp' };
    assert.throws(
      () => renderGatewayFile(source, values, { ...endpoints, mcpTargets: targets }),
      /no MCP server for the target exa-ai/,
    );
  });
});

describe('a gateway file', () => {
  const base = () => ({
    gateways: { default: { port: 3000 } },
    routes: [
      {
        name: 'mcp',
        matches: [{ path: { exact: '/mcp' } }],
        policies: {} as Record<string, unknown>,
        backends: [
          { mcp: { targets: [{ name: 'a', mcp: { host: 'http://h/mcp' } as object }] } as Record<string, unknown> },
        ],
      },
    ],
  });
  const failure = (change: (file: ReturnType<typeof base> & Record<string, unknown>) => void): string => {
    const file = base() as ReturnType<typeof base> & Record<string, unknown>;
    change(file);
    try {
      parseGatewayFile(JSON.stringify(file), {});
    } catch (error) {
      return (error as Error).message;
    }
    return 'accepted';
  };
  const notImplemented = (path: string) => `${path}: not implemented by the sandbox's gateway`;

  it('is refused where it says something that this gateway would ignore, with the path of it', () => {
    assert.equal(
      failure(() => {}),
      'accepted',
    );
    assert.equal(
      failure(file => void (file.binds = [])),
      notImplemented('binds'),
    );
    const policies = (change: Record<string, unknown>) => (file: ReturnType<typeof base>) => {
      Object.assign(file.routes[0]?.policies ?? {}, change);
    };
    assert.equal(
      failure(policies({ timeout: { requestTimeout: '1s' } })),
      notImplemented('routes[0].policies.timeout'),
    );
    assert.equal(
      failure(policies({ jwtAuth: { issuer: 'i', jwks: '{}', location: {} } })),
      notImplemented('routes[0].policies.jwtAuth.location'),
    );
    assert.equal(
      failure(policies({ jwtAuth: { providers: [{ issuer: 'i', jwks: '{}', clockSkew: 1 }] } })),
      notImplemented('routes[0].policies.jwtAuth.providers[0].clockSkew'),
    );
    assert.equal(
      failure(policies({ backendAuth: { key: 'x' } }))
        .split('\n')
        .includes(notImplemented('routes[0].policies.backendAuth.key')),
      true,
    );
    assert.match(
      failure(file => void (file.config = { adminAddr: 'localhost:15000' })),
      /^config\.adminAddr: /,
    );
  });

  it('is refused where AgentGateway would refuse it', () => {
    const target = (change: object) => (file: ReturnType<typeof base>) => {
      file.routes[0]!.backends[0]!.mcp.targets = [{ name: 'a', mcp: { host: 'http://h/mcp' }, ...change }];
    };
    assert.match(
      failure(target({ name: 'under_score' })),
      /^routes\[0\]\.backends\[0\]\.mcp\.targets\[0\]\.name: expected/,
    );
    assert.match(failure(target({ mcp: { host: 'h', port: 1 } })), /targets\[0\]\.mcp\.path: /);
    const authentication = { issuer: 'i', audiences: [], jwks: '{}', resourceMetadata: {} };
    assert.match(
      failure(file => void (file.routes[0]!.policies = { jwtAuth: authentication, mcpAuthentication: authentication })),
      /jwtAuth\.resourceMetadata|same slot/,
    );
    assert.match(
      failure(file => void (file.routes[0]!.policies = { urlRewrite: { path: { prefix: '/' } } })),
      /urlRewrite\.path\.prefix: needs a pathPrefix match/,
    );
    assert.throws(() => parseGatewayFile('a: [', {}), /not YAML/);
    assert.throws(() => parseGatewayFile('routes: 1\nroutes: 2', {}), /not YAML.*unique/s);
  });

  it('has its dollar signs expanded, as the real gateway does', () => {
    const environment = { NAME: 'value' };
    assert.equal(expand('a: $NAME ${NAME} ${OTHER:-x} $$ $1', environment), 'a: value value x $ $1');
    assert.equal(expand('# yaml-language-server: $schema=x', {}), '#=x');
    assert.throws(() => expand('# $GONE', environment), /error looking key 'GONE' up/);
  });
});
