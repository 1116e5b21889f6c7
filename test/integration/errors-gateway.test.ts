// What AgentGateway 1.4 says for itself and what it passes on from Azure OpenAI, word for word, from a real HTTP answer
// through the model client to what a person reads.
import assert from 'node:assert/strict';
import { after, before, describe, it, mock } from 'node:test';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { ChatModel } from '../../src/gateway/chat.ts';
import { parseGatewayConfig } from '../../src/gateway/config.ts';
import { createKeyModel } from '../../src/gateway/keyModel.ts';
import { createGatewayModel } from '../../src/gateway/llm.ts';
import type { Failure, Fixer } from '../../src/protocol/common.ts';
import { catalogueOf, sayer } from '../../src/views/messages/index.ts';
import { Place, type Known } from '../../src/views/messages/place.ts';
import { answer, answerChat, chunk, startServer, type Handler } from '../unit/gateway/server.ts';
import { AGENT, AUTHORITY, BLUEPRINT, TENANT } from '../unit/identity/support.ts';
import { translate } from '../unit/views/support.ts';

const PLACE: Known = {
  authority: AUTHORITY,
  tenantId: TENANT,
  blueprintAppId: BLUEPRINT,
  agentAppId: AGENT,
  deployment: 'research-agent',
  namespace: 'agents',
  context: 'prod',
  user: 'robin@contoso.example',
  clientConfig: 'client-settings',
  gatewayConfig: 'gateway-file',
  llmPath: '/llm',
  llmApi: 'openai',
  mcpApi: 'mcp',
  resources: { openai: 'https://cognitiveservices.azure.com' },
};
const say = sayer(translate, { known: () => PLACE });
const seen = new Set<string>();

let handler: Handler;
let server: Awaited<ReturnType<typeof startServer>>;
before(async () => void (server = await startServer((request, response) => handler(request, response))));
after(() => server.close());

const viaGateway = () =>
  createGatewayModel({
    fetch,
    baseUrl: `${server.origin}/llm`,
    deployment: 'gpt-4.1-mini',
    apiVersion: '2024-10-21',
    token: async () => 'token',
    logger: silentLogger,
  });
const withKey = (endpoint = `${server.origin}/v1`) =>
  createKeyModel({ fetch, endpoint, kind: 'openai', model: 'gpt-4.1-mini', key: 'key', logger: silentLogger });

async function failureOf(model: () => Promise<ChatModel>): Promise<Failure & { code: string }> {
  try {
    const request = { messages: [{ role: 'user' as const, content: 'hello' }], tools: [] };
    for await (const event of (await model()).stream({ ...request, signal: AbortSignal.timeout(20_000) })) void event;
  } catch (error) {
    assert.ok(AgentIdError.is(error), String(error));
    seen.add(error.code);
    return { ...say(error), code: error.code };
  }
  throw new assert.AssertionError({ message: 'it should have failed' });
}

type Expected = [code: string, who: Fixer, fix?: string];
function check(failure: Failure & { code: string }, [code, who, fix]: Expected): void {
  assert.equal(failure.code, code, failure.sentence);
  assert.equal(failure.who, who, failure.sentence);
  assert.ok(failure.nextStep);
  if (fix) assert.ok(failure.fix?.includes(fix), `${fix} in\n${failure.fix}`);
  if (who !== 'you') assert.ok(failure.fix?.includes(`Tenant: ${TENANT}`));
}

const text =
  (status: number, body: string, headers = {}): Handler =>
  (_request, response) =>
    answer(response, status, 'text/plain', body, headers);
const json =
  (status: number, body: unknown): Handler =>
  (_request, response) =>
    answer(response, status, 'application/json', JSON.stringify(body));
const jwtError = (kind: string) =>
  text(401, `authentication failure: the token is invalid or malformed: Error(${kind})`);

const EDIT = 'kubectl edit configmap gateway-file -n agents';
const LOG = 'kubectl logs -n agents deployment/agentgateway';

describe('AgentGateway’s own refusals', () => {
  const table: [name: string, Handler, Expected][] = [
    [
      'no bearer',
      text(401, 'authentication failure: no bearer token found'),
      ['gateway.tokenMissing', 'clusterAdmin', 'proxy'],
    ],
    ['expired', jwtError('ExpiredSignature'), ['gateway.tokenExpired', 'you']],
    [
      'another audience',
      jwtError('InvalidAudience'),
      ['gateway.audienceRejected', 'clusterAdmin', 'audiences:\n    - https://cognitiveservices.azure.com'],
    ],
    [
      'another issuer',
      jwtError('InvalidIssuer'),
      ['gateway.issuerRejected', 'clusterAdmin', `issuer: https://sts.windows.net/${TENANT}/`],
    ],
    [
      'another key',
      text(401, 'authentication failure: token uses the unknown key "abc"'),
      ['gateway.signatureRejected', 'clusterAdmin', `url: ${AUTHORITY}/discovery/v2.0/keys`],
    ],
    [
      'mcpAuthentication',
      json(401, { error: 'unauthorized', error_description: 'JWT token required' }),
      ['gateway.tokenRejected', 'clusterAdmin', LOG],
    ],
    ['a rule', text(403, 'authorization failed'), ['gateway.forbidden', 'clusterAdmin', EDIT]],
    ['no route', text(404, 'route not found'), ['gateway.routeMissing', 'clusterAdmin', 'pathPrefix: /llm']],
    ['a guard', text(403, 'The request was rejected due to inappropriate content'), ['gateway.guardrail', 'you']],
    ['its own limit', text(429, 'rate limit exceeded', { 'x-ratelimit-reset': '12' }), ['gateway.rateLimited', 'you']],
    [
      'too large',
      text(503, 'processing failed: length limit exceeded'),
      ['gateway.requestTooLarge', 'you', 'maxBufferSize: 20971520'],
    ],
    [
      'not a completion',
      text(503, 'processing failed: failed to parse request: x'),
      ['gateway.requestRejected', 'clusterAdmin', '/chat/completions: completions'],
    ],
    [
      'no way to the backend',
      text(503, 'backends required DNS resolution which failed'),
      ['gateway.upstreamUnreachable', 'clusterAdmin', LOG],
    ],
    ['a slow backend', text(504, 'upstream call timeout'), ['gateway.upstreamTimeout', 'you', 'backendRequestTimeout']],
    ['anything else', text(500, 'no valid backends'), ['gateway.unexpected', 'clusterAdmin', LOG]],
  ];
  for (const [name, handle, expected] of table)
    it(`${name}: ${expected[0]}`, async () => {
      handler = handle;
      check(await failureOf(viaGateway), expected);
    });

  it('a file that is no YAML: gateway.configUnreadable', async () => {
    const read = async () => parseGatewayConfig('routes: [\n') as never;
    check(await failureOf(read), [
      'gateway.configUnreadable',
      'clusterAdmin',
      'agentgateway -f config.yaml --validate-only',
    ]);
  });
});

describe('refusals of Azure OpenAI behind the gateway', () => {
  const azure = (code: string, message: string, more = {}) => ({ error: { code, message, ...more } });
  const table: [name: string, Handler, Expected][] = [
    [
      'no token arrived',
      json(401, { statusCode: 401, message: 'Unauthorized. Access token is missing, invalid' }),
      ['llm.tokenRejected', 'clusterAdmin', 'backendAuth:\n  passthrough: {}'],
    ],
    [
      'no role',
      json(403, azure('PermissionDenied', 'The principal lacks the required data action')),
      [
        'llm.forbidden',
        'azureAdmin',
        'az role assignment create --assignee "robin@contoso.example" --role "Cognitive Services OpenAI User"',
      ],
    ],
    [
      'no such deployment',
      json(404, azure('DeploymentNotFound', 'The API deployment does not exist')),
      ['llm.deploymentMissing', 'you', 'kubectl patch configmap client-settings -n agents'],
    ],
    ['no such path', json(404, azure('404', 'Resource not found')), ['llm.notFound', 'you', 'urlRewrite:']],
    ['its limit', json(429, azure('429', 'Requests have exceeded the call rate limit')), ['llm.rateLimited', 'you']],
    [
      'its filter',
      json(
        400,
        azure('content_filter', 'filtered', {
          innererror: { content_filter_result: { violence: { filtered: true } } },
        }),
      ),
      ['llm.contentFiltered', 'you'],
    ],
    ['too long', json(400, azure('context_length_exceeded', 'too long')), ['llm.contextTooLong', 'you']],
    ['another 400', json(400, azure('invalid_request_error', 'Unknown parameter')), ['llm.requestRejected', 'you']],
    ['a fault', json(500, azure('InternalServerError', 'x')), ['llm.unavailable', 'you']],
    [
      'an answer that breaks off',
      (_request, response) => answerChat(response, [chunk({ content: 'a' })], ''),
      ['llm.interrupted', 'you'],
    ],
    [
      'no completion',
      (_request, response) => answer(response, 200, 'text/event-stream', 'data: {not json\n\n'),
      ['llm.malformed', 'you'],
    ],
    [
      'more calls than any answer has',
      (_request, response) =>
        answerChat(response, [
          chunk({
            tool_calls: Array.from({ length: 129 }, (_, index) => ({
              index,
              id: `c${index}`,
              type: 'function',
              function: { name: 'a', arguments: '{}' },
            })),
          }),
        ]),
      ['llm.answerTooLarge', 'you'],
    ],
  ];
  for (const [name, handle, expected] of table)
    it(`${name}: ${expected[0]}`, async () => {
      handler = handle;
      check(await failureOf(viaGateway), expected);
    });
});

it('no answer for five minutes: llm.timeout', async () => {
  let asked = false;
  handler = () => void (asked = true);
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const failing = failureOf(viaGateway);
    while (!asked) await new Promise(resolve => setImmediate(resolve));
    mock.timers.tick(300_000);
    check(await failing, ['llm.timeout', 'you']);
  } finally {
    mock.timers.reset();
  }
});

describe('refusals of an endpoint with a key', () => {
  it('the key: llm.keyRejected', async () => {
    handler = json(401, { error: { code: 'invalid_api_key', message: 'Incorrect API key' } });
    check(await failureOf(withKey), ['llm.keyRejected', 'you']);
  });

  it('no connection: llm.unreachable', async () => {
    handler = (_request, response) => void response.destroy();
    check(await failureOf(withKey), ['llm.unreachable', 'you']);
  });

  it('no https: llm.endpointInvalid', async () => {
    check(await failureOf(() => withKey('http://example.com/v1')), ['llm.endpointInvalid', 'you']);
  });
});

it('no code of the gateway and of models is left out', () => {
  const codes = Object.keys(catalogueOf(translate, new Place(() => undefined)));
  const mine = codes.filter(code => /^(gateway|llm)\./.test(code));
  assert.deepEqual(
    mine.filter(code => !seen.has(code)),
    [],
  );
});
