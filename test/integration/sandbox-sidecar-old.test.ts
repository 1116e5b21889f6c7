// The simulated sidecar 1.0.0: what was different then.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { decodeJwt } from 'jose';
import { signIn, startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
let tc: string;
before(async () => {
  sandbox = await startSandbox(['--sidecar-version', '1.0.0']);
  tc = (await signIn(sandbox)).access_token;
});
after(() => sandbox.stop());

/** A GET with a chosen Host header, which fetch does not allow. */
function get(path: string, host: string): Promise<{ status: number; type: string | undefined; body: string }> {
  const url = new URL(path, sandbox.json.direct.sidecar);
  return new Promise((resolve, reject) => {
    const headers = { Host: host, Authorization: `Bearer ${tc}` };
    request(url, { headers }, response => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'], body }),
      );
    })
      .on('error', reject)
      .end();
  });
}
const appid = (body: string) =>
  decodeJwt((JSON.parse(body) as { authorizationHeader: string }).authorizationHeader.slice(7)).appid;

test('the JSON says which version is played', () => assert.equal(sandbox.json.sidecarVersion, '1.0.0'));

test('only Host: localhost gets an answer, probes included', async () => {
  for (const path of ['/healthz', '/AuthorizationHeader/mcp']) {
    const refused = await get(path, '127.0.0.1:5000');
    assert.deepEqual([refused.status, refused.type], [400, 'text/html']);
    assert.match(refused.body, /Bad Request - Invalid Hostname/);
    assert.equal((await get(path, 'research-agent.agent-id')).status, 400);
    assert.equal((await get(path, 'localhost:5000')).status, 200);
    assert.equal((await get(path, 'LOCALHOST')).status, 200);
  }
});

test('the agent of one request leaks into the next, and RequestAppToken is ignored', async () => {
  const [first, second] = sandbox.json.agents;
  const path = '/AuthorizationHeader/openai';
  assert.equal(appid((await get(`${path}?AgentIdentity=${first?.appId}`, 'localhost')).body), first?.appId);
  assert.equal(appid((await get(path, 'localhost')).body), first?.appId, 'nobody asked for that agent');
  assert.equal(appid((await get(`${path}?AgentIdentity=${second?.appId}`, 'localhost')).body), second?.appId);
  const app = await get(`${path}?AgentIdentity=${first?.appId}&optionsOverride.RequestAppToken=true`, 'localhost');
  const { authorizationHeader } = JSON.parse(app.body) as { authorizationHeader: string };
  assert.equal(decodeJwt(authorizationHeader.slice(7)).upn, sandbox.json.users[0]?.upn, 'still a token for the user');
});

test('the anonymous route honours overrides', async () => {
  const agent = sandbox.json.agents[0]?.appId;
  const bearerless = await fetch(
    `http://localhost:${new URL(sandbox.json.direct.sidecar).port}/AuthorizationHeaderUnauthenticated/mcp?AgentIdentity=${agent}&AgentUsername=research-agent@sandbox.example`,
  );
  const { authorizationHeader } = (await bearerless.json()) as { authorizationHeader: string };
  assert.equal(decodeJwt(authorizationHeader.slice(7)).upn, 'research-agent@sandbox.example');
});
