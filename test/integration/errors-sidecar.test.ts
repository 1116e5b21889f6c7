// What the sidecar, or whatever answers in its place, says on the wire: its problem documents (RFC 9457), its statuses, and
// tokens that are not what was asked for. From a real HTTP answer to what a person reads.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { Authority } from '../../src/identity/authority.ts';
import { TokenBroker } from '../../src/identity/broker.ts';
import { Sidecar } from '../../src/identity/sidecar.ts';
import { checkUserToken } from '../../src/identity/userToken.ts';
import type { Failure, Fixer } from '../../src/protocol/common.ts';
import { catalogueOf, sayer } from '../../src/views/messages/index.ts';
import { Place, type Known } from '../../src/views/messages/place.ts';
import { answer, startServer, type Handler } from '../unit/gateway/server.ts';
import {
  AGENT,
  AUTHORITY,
  BLUEPRINT,
  CLIENT,
  fixture,
  fresh,
  jwt,
  SCOPE,
  TENANT,
  USER,
} from '../unit/identity/support.ts';
import { translate } from '../unit/views/support.ts';

const MCP_APP = 'd00dfeed-5555-4666-8777-888899990000';
const OTHER = '99999999-9999-4999-8999-999999999999';
const PLACE: Known = {
  authority: AUTHORITY,
  tenantId: TENANT,
  clientId: CLIENT,
  scope: SCOPE,
  blueprintAppId: BLUEPRINT,
  agentAppId: AGENT,
  deployment: 'research-agent',
  serviceAccount: 'agent-blueprint',
  namespace: 'agents',
  context: 'prod',
  user: 'robin@contoso.example',
  sidecarConfig: 'sidecar-settings',
  resources: { openai: 'https://cognitiveservices.azure.com', mcp: `api://${MCP_APP}` },
};
const say = sayer(translate, { known: () => PLACE });
const seen = new Set<string>();

let handler: Handler;
let server: Awaited<ReturnType<typeof startServer>>;
before(async () => void (server = await startServer((request, response) => handler(request, response))));
after(() => server.close());

const TC = jwt({ ...fixture('tc-v2'), ...fresh() });
const sidecar = () => new Sidecar({ origin: server.origin, fetch, logger: silentLogger });
/** The whole path: the exchange, and the checks of what it returns. */
const exchange = (
  api = 'openai',
  audiences: Record<string, string[]> = { openai: ['https://cognitiveservices.azure.com/'] },
) =>
  new TokenBroker({
    sidecar: sidecar(),
    agentAppId: AGENT,
    tenantId: TENANT,
    userToken: async () => ({
      raw: TC,
      expiresAt: Date.now() + 3_600_000,
      account: { id: 'a', username: 'robin@contoso.example', oid: USER, tid: TENANT },
    }),
    audiences,
    logger: silentLogger,
  }).get(api);

async function failureOf(work: () => Promise<unknown>): Promise<Failure & { code: string }> {
  try {
    await work();
  } catch (error) {
    assert.ok(AgentIdError.is(error), String(error));
    seen.add(error.code);
    return { ...say(error), code: error.code };
  }
  throw new assert.AssertionError({ message: 'it should have failed' });
}

function check(failure: Failure & { code: string }, [code, who, fix]: Expected): void {
  assert.equal(failure.code, code, failure.sentence);
  assert.equal(failure.who, who, failure.sentence);
  if (fix) assert.ok(failure.fix?.includes(fix), `${fix} in\n${failure.fix}`);
  assert.doesNotMatch(JSON.stringify(failure), /eyJ[\w-]{10}/);
}
type Expected = [code: string, who: Fixer, fix?: string];
const LOG = 'kubectl logs -n agents deployment/research-agent -c sidecar';
const settings = (line: string) => `ConfigMap sidecar-settings of namespace agents:\n\ndata:\n  ${line}`;

const problem =
  (status: number, detail: string): Handler =>
  (_request, response) =>
    answer(response, status, 'application/problem+json', JSON.stringify({ title: 'Unauthorized', status, detail }));
const raw =
  (status: number, type: string, body: string, headers = {}): Handler =>
  (_request, response) =>
    answer(response, status, type, body, headers);
const token =
  (claims: object): Handler =>
  (_request, response) => {
    const t2 = jwt({ ...fixture('t2-openai-v1'), ...fresh(), ...claims });
    answer(response, 200, 'application/json', JSON.stringify({ authorizationHeader: `Bearer ${t2}` }));
  };

describe('answers of the sidecar', () => {
  const table: [name: string, Handler, Expected][] = [
    [
      '401 without a body: the audience is another blueprint’s',
      raw(401, 'text/plain', '', {
        'www-authenticate': 'Bearer error="invalid_token", error_description="The audience \'x\' is invalid"',
      }),
      [
        'sidecar.userTokenRejected',
        'clusterAdmin',
        settings(`AzureAd__TenantId: "${TENANT}"\n  AzureAd__ClientId: "${BLUEPRINT}"`),
      ],
    ],
    [
      '400: no scopes for the API',
      problem(
        400,
        "No scopes found for the API 'openai' or in optionsOverride. 'scopes' needs to be either a single value or a list of values.",
      ),
      [
        'sidecar.unknownApi',
        'clusterAdmin',
        settings('DownstreamApis__openai__Scopes__0: "https://cognitiveservices.azure.com/.default"'),
      ],
    ],
    [
      '401 with a reason of its own',
      problem(401, 'No account or login hint was passed.'),
      ['sidecar.refused', 'clusterAdmin', LOG],
    ],
    [
      '500: An unexpected error occurred',
      problem(500, 'An unexpected error occurred.'),
      ['sidecar.unexpected500', 'clusterAdmin', LOG],
    ],
    [
      '403 without a body: a caller from outside the pod',
      raw(403, 'text/plain', ''),
      [
        'sidecar.forbiddenCaller',
        'clusterAdmin',
        'kubectl get pods -n agents -o custom-columns=NAME:.metadata.name,RUNTIME',
      ],
    ],
    [
      '400 Invalid Hostname of 1.0.0',
      raw(400, 'text/html', '<h2>Bad Request - Invalid Hostname</h2>'),
      ['sidecar.wrongHost', 'clusterAdmin', 'localhost'],
    ],
    ['404 of something else', raw(404, 'text/html', '<h1>nginx</h1>'), ['sidecar.notASidecar', 'clusterAdmin', 'port']],
    [
      'another scheme',
      raw(200, 'application/json', '{"authorizationHeader":"PoP abc"}'),
      ['sidecar.notBearer', 'clusterAdmin', 'proof-of-possession'],
    ],
    [
      'no header in the answer',
      raw(200, 'application/json', '{"token":"x"}'),
      ['sidecar.malformedAnswer', 'clusterAdmin', LOG],
    ],
    ['no answer at all', (_request, response) => void response.destroy(), ['sidecar.unreachable', 'you']],
  ];
  for (const [name, handle, expected] of table)
    it(`${name}: ${expected[0]}`, async () => {
      handler = handle;
      check(await failureOf(() => exchange()), expected);
    });

  it('503 Unhealthy on /healthz: sidecar.unhealthy', async () => {
    handler = raw(503, 'text/plain', 'Unhealthy');
    check(await failureOf(() => sidecar().healthz()), ['sidecar.unhealthy', 'clusterAdmin', LOG]);
  });
});

describe('tokens that are not what was asked for', () => {
  const table: [name: string, Handler, Expected][] = [
    [
      'the blueprint’s',
      token({ appid: BLUEPRINT }),
      ['agentToken.wrongAgent', 'clusterAdmin', settings('Sidecar__AllowOverrides__GetAuthorizationHeader: "true"')],
    ],
    [
      'for another resource',
      token({ aud: 'https://graph.microsoft.com' }),
      ['agentToken.wrongAudience', 'clusterAdmin', 'DownstreamApis__openai__Scopes__0'],
    ],
    [
      'of another user',
      token({ oid: OTHER }),
      ['agentToken.wrongUser', 'clusterAdmin', 'kubectl rollout restart deployment/research-agent -n agents'],
    ],
    [
      'of another tenant',
      token({ tid: OTHER }),
      ['agentToken.wrongTenant', 'clusterAdmin', settings(`AzureAd__TenantId: "${TENANT}"`)],
    ],
    [
      'of no user',
      token({
        ...fixture('t2-autonomous-v1'),
        ...fresh(),
        appid: AGENT,
        tid: TENANT,
        aud: 'https://cognitiveservices.azure.com',
      }),
      ['agentToken.notOnBehalfOfUser', 'clusterAdmin', settings('DownstreamApis__openai__RequestAppToken: "false"')],
    ],
    ['too old', token({ exp: Math.floor(Date.now() / 1000) - 60 }), ['agentToken.expired', 'you']],
    [
      'no JWT',
      raw(200, 'application/json', '{"authorizationHeader":"Bearer abc.def"}'),
      ['token.malformed', 'clusterAdmin', LOG],
    ],
    [
      'beyond any size',
      raw(200, 'application/json', JSON.stringify({ authorizationHeader: `Bearer ${'a'.repeat(70_000)}` })),
      ['token.tooLarge', 'clusterAdmin', LOG],
    ],
  ];
  for (const [name, handle, expected] of table)
    it(`${name}: ${expected[0]}`, async () => {
      handler = handle;
      check(await failureOf(() => exchange()), expected);
    });

  it('an API without a resource: agentToken.audienceUnknown', async () => {
    check(await failureOf(() => exchange('mcp')), [
      'agentToken.audienceUnknown',
      'clusterAdmin',
      settings(`DownstreamApis__mcp__Scopes__0: "api://${MCP_APP}/.default"`),
    ]);
  });

  const users: [name: string, claims: object, Expected][] = [
    ['for another application', { aud: OTHER }, ['userToken.wrongAudience', 'you']],
    ['of another tenant', { tid: OTHER }, ['userToken.wrongTenant', 'you']],
    ['without the scope', { scp: 'other' }, ['userToken.scopeMissing', 'you']],
    ['too old', { exp: 1 }, ['userToken.expired', 'you']],
    ['of nobody', { oid: undefined }, ['userToken.claimMissing', 'you']],
  ];
  for (const [name, claims, expected] of users)
    it(`a user token ${name}: ${expected[0]}`, async () => {
      const tc = jwt({
        ...fixture('tc-v2'),
        ...fresh(),
        aud: BLUEPRINT,
        tid: TENANT,
        scp: 'access_as_user',
        ...claims,
      });
      const authority = new Authority(AUTHORITY, false);
      const read = async () =>
        checkUserToken(tc, { id: 'a', username: 'robin@contoso.example' }, { authority, scope: SCOPE }, Date.now());
      check(await failureOf(read), expected);
    });
});

it('no code of the sidecar and of tokens is left out', () => {
  // These are Entra's words behind the sidecar: errors-entra.test.ts.
  const elsewhere =
    /^sidecar\.(consentMissing|interactionRequired|blockedByPolicy|workloadIdentityRefused|unknownIdentity|unknownResource|entraRefused)$/;
  const codes = Object.keys(catalogueOf(translate, new Place(() => undefined)));
  const mine = codes.filter(code => /^(sidecar|token|userToken|agentToken)\./.test(code) && !elsewhere.test(code));
  assert.deepEqual(
    mine.filter(code => !seen.has(code)),
    [],
  );
});
