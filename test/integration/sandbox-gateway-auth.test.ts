import assert from 'node:assert/strict';
import http from 'node:http';
import { before, describe, it, type TestContext } from 'node:test';
import {
  createSigner,
  ISSUER,
  jwtAuth,
  LLM_AUDIENCE,
  MCP_AUDIENCE,
  readBody,
  send,
  startOn,
  startUpstream,
  t2,
  type Signer,
} from './sandbox-gateway.fixture.ts';

const echo = (t: TestContext) =>
  startUpstream(t, (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(request));
  });

/** A route that passes everything on, so that only its policies decide. */
const passing = (host: string, policies: object) => ({
  name: 'llm',
  matches: [{ path: { pathPrefix: '/llm' } }],
  policies: { ai: { routes: { '*': 'passthrough' } }, ...policies },
  backends: [{ ai: { name: 'm', hostOverride: host, provider: { openAI: {} } } }],
});

describe('the gateway: routes and tokens', () => {
  let signer: Signer;
  let stranger: Signer;
  before(async () => {
    signer = await createSigner();
    stranger = await createSigner('key-2');
  });

  it('answers 404 where no route matches, and matches prefixes by whole segments', async t => {
    const upstream = await echo(t);
    const gateway = await startOn(t, [passing(upstream.host, {})]);
    for (const path of ['/', '/llmx', '/mcp']) {
      const answer = await send(gateway.origin + path);
      assert.equal(answer.status, 404);
      assert.equal(answer.body, 'route not found');
      assert.equal(answer.headers['content-type'], 'text/plain');
    }
    assert.equal((await send(`${gateway.origin}/llm`)).status, 200);
    assert.equal((await send(`${gateway.origin}/llm/x?y=1`)).status, 200);
  });

  it('keeps a connection open without promising for how long', async t => {
    const upstream = await echo(t);
    const gateway = await startOn(t, [passing(upstream.host, {})]);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const ports = new Set<number | undefined>();
    for (const path of ['/llm', '/nothing', '/llm']) {
      const { promise, resolve } = Promise.withResolvers<http.IncomingMessage>();
      http.get(gateway.origin + path, { agent }, resolve);
      const response = await promise;
      assert.deepEqual([response.headers.connection, response.headers['keep-alive']], [undefined, undefined]);
      ports.add(response.socket.localPort);
      await readBody(response);
    }
    assert.equal(ports.size, 1);
  });

  it('prefers the exact match to the prefix, and the longer prefix to the shorter', async t => {
    const [a, b, c] = [await echo(t), await echo(t), await echo(t)];
    const route = (name: string, path: object, host: string) => ({ ...passing(host, {}), name, matches: [{ path }] });
    const gateway = await startOn(t, [
      route('short', { pathPrefix: '/p' }, a.host),
      route('long', { pathPrefix: '/p/q' }, b.host),
      route('exact', { exact: '/p/q/r' }, c.host),
    ]);
    await send(`${gateway.origin}/p/x`);
    await send(`${gateway.origin}/p/q/x`);
    await send(`${gateway.origin}/p/q/r`);
    assert.deepEqual(
      [a, b, c].map(({ received }) => received.map(({ url }) => url)),
      [['/p/x'], ['/p/q/x'], ['/p/q/r']],
    );
  });

  it('words each refusal of a token as AgentGateway does, as text and without a challenge', async t => {
    const upstream = await echo(t);
    const options = { jwtValidationOptions: { requiredClaims: ['exp', 'aud', 'iss'] } };
    const gateway = await startOn(t, [passing(upstream.host, { jwtAuth: jwtAuth(signer, LLM_AUDIENCE, options) })]);
    const good = await signer.mint(t2(LLM_AUDIENCE));
    const invalid = (kind: string) => `the token is invalid or malformed: Error(${kind})`;
    const cases: [string, string | undefined, string][] = [
      ['no token', undefined, 'no bearer token found'],
      ['another scheme', 'Basic abc', 'no bearer token found'],
      ['not a token', 'Bearer abc', 'the token header is malformed: Error(InvalidToken)'],
      ['bad base64', 'Bearer a!c.b.c', 'the token header is malformed: Error(Base64(InvalidByte(1, 33)))'],
      ['bad signature', `Bearer ${good.slice(0, -8)}AAAAAAAA`, invalid('InvalidSignature')],
      [
        'no kid',
        `Bearer ${await signer.mint(t2(LLM_AUDIENCE), { kid: undefined })}`,
        'the token header does not specify a `kid`',
      ],
      ['unknown kid', `Bearer ${await stranger.mint(t2(LLM_AUDIENCE))}`, 'token uses the unknown key "key-2"'],
      [
        'a stranger with our kid',
        `Bearer ${await stranger.mint(t2(LLM_AUDIENCE), { kid: 'key-1' })}`,
        invalid('InvalidSignature'),
      ],
      ['expired', `Bearer ${await signer.mint(t2(LLM_AUDIENCE, { exp: 1 }))}`, invalid('ExpiredSignature')],
      ['wrong audience', `Bearer ${await signer.mint(t2(MCP_AUDIENCE))}`, invalid('InvalidAudience')],
      [
        'wrong issuer',
        `Bearer ${await signer.mint(t2(LLM_AUDIENCE, { iss: ISSUER.slice(0, -1) }))}`,
        invalid('InvalidIssuer'),
      ],
      [
        'no audience',
        `Bearer ${await signer.mint(t2(LLM_AUDIENCE, { aud: undefined }))}`,
        invalid('MissingRequiredClaim("aud")'),
      ],
      [
        'no expiry',
        `Bearer ${await signer.mint(t2(LLM_AUDIENCE, { exp: undefined }))}`,
        invalid('MissingRequiredClaim("exp")'),
      ],
    ];
    for (const [name, authorization, sentence] of cases) {
      const answer = await send(`${gateway.origin}/llm`, {
        headers: authorization === undefined ? {} : { authorization },
      });
      assert.equal(answer.status, 401, name);
      assert.equal(answer.body, `authentication failure: ${sentence}`, name);
      assert.equal(answer.headers['content-type'], 'text/plain', name);
      assert.equal(answer.headers['www-authenticate'], undefined, name);
    }
    assert.equal(upstream.received.length, 0);
    assert.equal((await send(`${gateway.origin}/llm`, { headers: { authorization: `bearer ${good}` } })).status, 200);
  });

  it('accepts a token for 60 seconds after its expiry, by the clock it was given', async t => {
    const upstream = await echo(t);
    const clock = { time: 1_800_000_000_000, now: () => clock.time };
    const gateway = await startOn(t, [passing(upstream.host, { jwtAuth: jwtAuth(signer, LLM_AUDIENCE) })], { clock });
    const token = await signer.mint(t2(LLM_AUDIENCE, { exp: 1_800_000_000 }));
    const status = async (time: number) => {
      clock.time = time;
      return (await send(`${gateway.origin}/llm`, { token })).status;
    };
    assert.deepEqual([await status(1_800_000_060_000), await status(1_800_000_061_000)], [200, 401]);
  });

  it('lets a token without aud or iss pass unless they are required', async t => {
    const upstream = await echo(t);
    const gateway = await startOn(t, [passing(upstream.host, { jwtAuth: jwtAuth(signer, LLM_AUDIENCE) })]);
    const token = await signer.mint(t2(LLM_AUDIENCE, { aud: undefined, iss: undefined }));
    assert.equal((await send(`${gateway.origin}/llm`, { token })).status, 200);
  });

  it('judges a token by the first provider that has its key, so a second issuer on the same keys is dead', async t => {
    const upstream = await echo(t);
    const provider = (issuer: string, key: Signer) => ({ issuer, jwks: JSON.stringify(key.jwks) });
    const providers = [provider('v1', signer), provider('v2', signer), provider('other', stranger)];
    const gateway = await startOn(t, [passing(upstream.host, { jwtAuth: { mode: 'strict', providers } })]);
    const status = async (token: string) => (await send(`${gateway.origin}/llm`, { token })).status;
    assert.equal(await status(await signer.mint({ iss: 'v1' })), 200);
    assert.equal(await status(await signer.mint({ iss: 'v2' })), 401);
    assert.equal(await status(await stranger.mint({ iss: 'other' })), 200);
  });

  it('knows the modes: optional lets a missing token pass, permissive also a bad one', async t => {
    const upstream = await echo(t);
    const status = async (mode: string | undefined, authorization?: string) => {
      const gateway = await startOn(t, [
        passing(upstream.host, { jwtAuth: { ...jwtAuth(signer, LLM_AUDIENCE), mode } }),
      ]);
      return (await send(`${gateway.origin}/llm`, { headers: authorization ? { authorization } : {} })).status;
    };
    assert.deepEqual([await status('optional'), await status('optional', 'Bearer x')], [200, 401]);
    assert.deepEqual([await status(undefined), await status('permissive', 'Bearer x')], [200, 200]);
  });

  it('takes the bearer out of the request, and puts it back only for passthrough', async t => {
    const upstream = await echo(t);
    const token = await signer.mint(t2(LLM_AUDIENCE));
    const authorizationSeen = async (policies: object) => {
      const gateway = await startOn(t, [passing(upstream.host, policies)]);
      await send(`${gateway.origin}/llm`, { token, headers: { 'x-kept': 'yes', connection: 'keep-alive' } });
      const seen = upstream.received.at(-1);
      assert.equal(seen?.headers['x-kept'], 'yes');
      assert.equal(seen?.headers.host, upstream.host);
      return seen?.headers.authorization;
    };
    const auth = { jwtAuth: jwtAuth(signer, LLM_AUDIENCE) };
    assert.equal(await authorizationSeen(auth), undefined);
    assert.equal(await authorizationSeen({ ...auth, backendAuth: { passthrough: {} } }), `Bearer ${token}`);
    assert.equal(await authorizationSeen({}), `Bearer ${token}`);
  });

  it('refuses by an authorization rule with 403', async t => {
    const upstream = await echo(t);
    const policies = {
      jwtAuth: jwtAuth(signer, LLM_AUDIENCE),
      authorization: { rules: [{ require: 'has(jwt.scp)' }] },
    };
    const gateway = await startOn(t, [passing(upstream.host, policies)]);
    const refused = await send(`${gateway.origin}/llm`, {
      token: await signer.mint(t2(LLM_AUDIENCE, { scp: undefined })),
    });
    assert.deepEqual([refused.status, refused.body], [403, 'authorization failed']);
    assert.equal(refused.headers['content-type'], 'text/plain');
    assert.equal((await send(`${gateway.origin}/llm`, { token: await signer.mint(t2(LLM_AUDIENCE)) })).status, 200);
  });

  it('does CORS before the token, and on refusals too', async t => {
    const upstream = await echo(t);
    const cors = {
      allowOrigins: ['https://*.good.example'],
      allowHeaders: ['*'],
      allowMethods: ['GET'],
      exposeHeaders: ['X'],
    };
    const gateway = await startOn(t, [passing(upstream.host, { cors, jwtAuth: jwtAuth(signer, LLM_AUDIENCE) })]);
    const options = (origin: string | undefined) =>
      send(`${gateway.origin}/llm`, {
        method: 'OPTIONS',
        headers: {
          ...(origin && { origin }),
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'authorization,  x-a',
        },
      });
    const allowed = await options('https://a.good.example');
    assert.equal(allowed.status, 200);
    assert.equal(allowed.headers['access-control-allow-origin'], 'https://a.good.example');
    assert.equal(allowed.headers['access-control-allow-headers'], 'authorization, x-a');
    assert.equal(allowed.headers['access-control-allow-methods'], 'GET');
    const other = await options('https://bad.example');
    assert.deepEqual([other.status, other.headers['access-control-allow-origin']], [200, undefined]);
    assert.equal((await options(undefined)).status, 401);
    const refused = await send(`${gateway.origin}/llm`, { headers: { origin: 'https://a.good.example' } });
    assert.equal(refused.status, 401);
    assert.equal(refused.headers['access-control-allow-origin'], 'https://a.good.example');
    assert.equal(refused.headers['access-control-expose-headers'], 'X');
  });

  it('challenges with metadata where the file says mcpAuthentication', async t => {
    const upstream = await echo(t);
    const route = (resourceMetadata: object) => ({
      name: 'mcp',
      matches: [{ path: { exact: '/mcp' } }, { path: { exact: '/.well-known/oauth-protected-resource/mcp' } }],
      policies: {
        mcpAuthentication: {
          issuer: ISSUER,
          audiences: [MCP_AUDIENCE],
          jwks: JSON.stringify(signer.jwks),
          resourceMetadata,
        },
      },
      backends: [{ mcp: { targets: [{ name: 'a', mcp: { host: `${upstream.origin}/mcp` } }] } }],
    });
    const gateway = await startOn(t, [route({ scopesSupported: ['api://mcp-app/access_as_user'] })]);
    for (const headers of [{}, { authorization: 'Bearer x' }]) {
      const answer = await send(`${gateway.origin}/mcp`, { method: 'POST', headers });
      assert.equal(answer.status, 401);
      assert.equal(answer.body, '{"error":"unauthorized","error_description":"JWT token required"}');
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.equal(
        answer.headers['www-authenticate'],
        `Bearer resource_metadata="${gateway.origin}/.well-known/oauth-protected-resource/mcp"`,
      );
    }
    const metadata = await send(`${gateway.origin}/.well-known/oauth-protected-resource/mcp`);
    assert.equal(metadata.status, 200);
    assert.equal(metadata.headers['access-control-allow-origin'], '*');
    assert.deepEqual(JSON.parse(metadata.body), {
      resource: `${gateway.origin}/mcp`,
      authorization_servers: [ISSUER],
      mcp_protocol_version: '2025-06-18',
      resource_type: 'mcp-server',
      scopes_supported: ['api://mcp-app/access_as_user'],
    });

    const named = await startOn(t, [route({ resource: 'https://gateway.example:8443/mcp' })]);
    const answer = await send(`${named.origin}/mcp`, { method: 'POST' });
    assert.match(answer.headers['www-authenticate'] ?? '', /"https:\/\/gateway\.example:8443\/\.well-known\//);
    const described = await send(`${named.origin}/.well-known/oauth-protected-resource/mcp`);
    assert.match(described.body, /"resource":"https:\/\/gateway\.example:8443\/mcp"/);
  });

  it('logs who called as which agent, and no token', async t => {
    const upstream = await echo(t);
    const lines: string[] = [];
    const add = { user: 'coalesce(jwt.upn, jwt.sub)', agent: 'jwt.appid', nothing: 'jwt.absent' };
    const gateway = await startOn(t, [passing(upstream.host, { jwtAuth: jwtAuth(signer, LLM_AUDIENCE) })], {
      log: line => lines.push(line),
      top: { frontendPolicies: { accessLog: { add, remove: ['src.addr'] } } },
    });
    const token = await signer.mint(t2(LLM_AUDIENCE));
    await send(`${gateway.origin}/llm/x?secret=1`, { token });
    await send(`${gateway.origin}/llm`);
    await t.waitFor(() => assert.equal(lines.length, 2));
    assert.match(
      lines[0] ?? '',
      /\tinfo\trequest gateway=default\/default .*route=default\/llm .*http\.status=200 .*protocol=llm/,
    );
    assert.match(lines[0] ?? '', /user="ada@contoso\.example" agent="agent-1"$/);
    assert.match(
      lines[1] ?? '',
      /http\.status=401 .*error="authentication failure: no bearer token found" reason=JwtAuth/,
    );
    assert.doesNotMatch(lines.join('\n'), /eyJ|secret|src\.addr|nothing/);
  });
});
