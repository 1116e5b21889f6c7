import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport, StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { AuthenticationError, AzureOpenAI } from 'openai';
import { startGateway } from '../../src/sandbox/gateway/gateway.ts';
import { renderGatewayFile } from '../../src/sandbox/gateway/render.ts';
import { startMcpServers } from '../../src/sandbox/mcp/servers.ts';
import { startModel } from '../../src/sandbox/model/model.ts';
import { AGENT, createSigner, ISSUER, LLM_AUDIENCE, t2, type Signer } from './sandbox-gateway.fixture.ts';

const MCP_APP = 'mcp-app';

/** The gateway on the file of the cluster, with the sandbox's own model and MCP servers behind it. */
async function start(t: TestContext, signer: Signer) {
  const directory = await mkdtemp(path.join(tmpdir(), 'gateway-test-'));
  t.after(() => rm(directory, { recursive: true }));
  const [servers, model] = [await startMcpServers(), await startModel({ faults: { chunkDelay: 0 } })];
  t.after(() => servers.close());
  t.after(() => model.close());
  const jwksFile = path.join(directory, 'jwks.json');
  await writeFile(jwksFile, JSON.stringify(signer.jwks));
  const manifest = await readFile(new URL('../../k8s/base/agentgateway-config.yaml', import.meta.url), 'utf8');
  const values = {
    NAMESPACE: 'agent-id',
    TENANT_ID: 'tenant',
    MCP_APP_ID: MCP_APP,
    AGENT_APP_IDS: `'${AGENT}'`,
    AZURE_OPENAI_HOST: 'contoso.openai.azure.com',
  };
  const file = path.join(directory, 'config.yaml');
  const endpoints = {
    issuer: ISSUER,
    jwksFile,
    model: model.origin,
    mcpTargets: { microsoft: servers.microsoft.url, 'exa-ai': servers.exa.url },
    port: 3000,
  };
  await writeFile(file, renderGatewayFile(manifest, values, endpoints));
  const gateway = await startGateway({ file, port: 0 });
  t.after(() => gateway.close());
  return { gateway, servers, model };
}

async function connect(t: TestContext, origin: string, token: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { requestInit }));
  t.after(() => client.close());
  return client;
}

describe("the gateway on the cluster's file, seen by clients written for the real services", () => {
  let signer: Signer;
  before(async () => {
    signer = await createSigner();
  });
  const mcpToken = (claims = {}) => signer.mint(t2(`api://${MCP_APP}`, claims));
  const azure = (origin: string, token: string) =>
    new AzureOpenAI({
      baseURL: `${origin}/llm/openai/deployments/gpt-4.1-mini`,
      apiVersion: '2024-10-21',
      azureADTokenProvider: async () => token,
      maxRetries: 0,
    });

  it('serves the MCP client of the SDK', async t => {
    const { gateway, servers } = await start(t, signer);
    const client = await connect(t, gateway.origin, await mcpToken());
    assert.equal(client.getServerVersion()?.name, 'agentgateway');
    const { tools } = await client.listTools();
    assert.deepEqual(
      tools.map(({ name }) => name),
      ['microsoft_microsoft_docs_search', 'microsoft_microsoft_docs_fetch', 'exa-ai_web_search_exa'],
    );
    const request = { name: 'microsoft_microsoft_docs_search', arguments: { query: 'blueprint' } };
    assert.match(JSON.stringify(await client.callTool(request)), /Agent identity blueprints/);
    await assert.rejects(
      client.callTool({ name: 'exa-ai_crawling_exa', arguments: { url: 'https://x.example' } }),
      (error: unknown) =>
        error instanceof StreamableHTTPError &&
        error.code === 400 &&
        /Unknown tool: exa-ai_crawling_exa/.test(error.message),
    );
    await client.ping();
    await client.setLoggingLevel('info');
    await (client.transport as StreamableHTTPClientTransport).terminateSession();
    assert.equal(servers.panel.read().microsoft?.authorized, 0);
  });

  it('shows the refused agent an empty list, and turns away who is no agent of ours', async t => {
    const { gateway } = await start(t, signer);
    const intern = await connect(t, gateway.origin, await mcpToken({ appid: 'agent-2' }));
    assert.deepEqual((await intern.listTools()).tools, []);
    await assert.rejects(connect(t, gateway.origin, await signer.mint(t2(LLM_AUDIENCE))), /InvalidAudience/);
  });

  it('keeps the other target when one goes down', async t => {
    const { gateway, servers } = await start(t, signer);
    const client = await connect(t, gateway.origin, await mcpToken());
    servers.panel.apply({ server: 'exa-ai', down: true });
    assert.deepEqual(
      (await client.listTools()).tools.map(({ name }) => name.split('_')[0]),
      ['microsoft', 'microsoft'],
    );
    await assert.rejects(
      client.callTool({ name: 'exa-ai_web_search_exa', arguments: { query: 'x' } }),
      (error: unknown) => error instanceof StreamableHTTPError && error.code === 503,
    );
  });

  it('serves the Azure client of openai, streaming, with the agent’s token', async t => {
    const { gateway } = await start(t, signer);
    const client = azure(gateway.origin, await signer.mint(t2(LLM_AUDIENCE)));
    const messages = [{ role: 'user' as const, content: 'What can you do?' }];
    const whole = await client.chat.completions.create({ model: 'gpt-4.1-mini', messages });
    let text = '';
    let usage: unknown;
    for await (const chunk of await client.chat.completions.create({ model: 'gpt-4.1-mini', messages, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    assert.match(text, /^I am the demo model of the Agent ID sandbox/);
    assert.equal(text, whole.choices[0]?.message.content);
    assert.deepEqual(usage, whole.usage); // the gateway asked for it
  });

  it('is told apart from the model by what refuses', async t => {
    const { gateway, model } = await start(t, signer);
    const ask = async (token: string, deployment = 'gpt-4.1-mini') => {
      const client = azure(gateway.origin, token);
      client.baseURL = `${gateway.origin}/llm/openai/deployments/${deployment}`;
      const messages = [{ role: 'user' as const, content: 'Hello' }];
      return client.chat.completions.create({ model: deployment, messages });
    };
    const good = await signer.mint(t2(LLM_AUDIENCE));
    await assert.rejects(
      ask(await mcpToken()),
      (error: unknown) =>
        error instanceof AuthenticationError &&
        error.headers.get('content-type') === 'text/plain' &&
        /authentication failure: .*InvalidAudience/.test(error.message),
    );
    await assert.rejects(ask(await signer.mint(t2(LLM_AUDIENCE, { scp: undefined }))), /403 authorization failed/);
    await assert.rejects(ask(good, 'other'), /404 The API deployment for this resource does not exist/);
    model.panel.apply({ nextStatus: 401 });
    await assert.rejects(ask(good), /401 Unauthorized\. Access token is missing/);
    model.panel.apply({ nextStatus: 429, retryAfter: 3 });
    await assert.rejects(
      ask(good),
      (error: unknown) => (error as { headers?: Headers }).headers?.get('retry-after') === '3',
    );
  });
});
