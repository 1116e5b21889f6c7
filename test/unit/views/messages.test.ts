import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import type { AgentErrorCode } from '../../../src/agent/errors.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import type { ClusterErrorCode } from '../../../src/cluster/errors.ts';
import type { DoctorErrorCode } from '../../../src/doctor/errors.ts';
import type { GatewayErrorCode } from '../../../src/gateway/errors.ts';
import type { IdentityErrorCode } from '../../../src/identity/errors.ts';
import type { McpErrorCode } from '../../../src/mcp/errors.ts';
import { ACTION_IDS, failure, LIMITS } from '../../../src/protocol/common.ts';
import type { ViewErrorCode } from '../../../src/views/errors.ts';
import { catalogueOf, sayer } from '../../../src/views/messages/index.ts';
import { Place } from '../../../src/views/messages/place.ts';
import { translate } from './support.ts';

type Code =
  | AgentErrorCode
  | ClusterErrorCode
  | DoctorErrorCode
  | GatewayErrorCode
  | IdentityErrorCode
  | McpErrorCode
  | ViewErrorCode;

const ENTRA = 'error aadsts detail correlationId time';
const OBO = 'api agent aadsts detail correlationId time';
const MISMATCH = 'api expected actual';

/** The arguments that each code is documented to carry (src/<room>/errors.ts); the compiler wants every code. */
const DOCUMENTED: Record<Code, string> = {
  cancelled: '',
  'agent.notConnected': '',
  'agent.stepLimit': 'steps',
  'agent.answerCut': '',
  'agent.contentFiltered': '',
  'agent.noSuchTool': 'tool',
  'agent.badArguments': 'tool',
  'agent.signInNeeded': '',
  'agent.signInDidNotHelp': `code reason ${OBO}`,
  'agent.tooManyTools': 'tools limit',
  'agent.missingValue': 'what where',
  'agent.noAgents': 'namespace context',
  'agent.agentGone': 'deployment namespace',
  'agent.noGateway': 'namespace',
  'agent.notTrusted': '',
  'agent.connectionFile': 'path problem',
  'agent.gatewayNeedsSignIn': '',
  'agent.noApiKey': '',
  'agent.setting': 'setting problem',
  'kubeconfig.noContexts': 'files',
  'sandbox.failed': 'problem',
  'kubeconfig.notFound': 'path',
  'kubeconfig.unreadable': 'path reason',
  'kubeconfig.invalid': 'path reason',
  'kubeconfig.contextNotFound': 'context known',
  'kubeconfig.dangling': 'context kind name',
  'kubeconfig.unsupported': 'context field',
  'cluster.credentials': 'context reason',
  'cluster.pluginMissing': 'command hint',
  'cluster.pluginFailed': 'command reason',
  'cluster.unreachable': 'server reason',
  'cluster.tls': 'server reason',
  'cluster.unauthorized': 'server context',
  'cluster.forbidden': 'verb resource namespace reason others',
  'cluster.notFound': 'path reason',
  'cluster.badResponse': 'server status reason',
  'cluster.closed': 'server',
  'tunnel.noReadyPod': 'namespace selector reason pods',
  'tunnel.upgradeRefused': 'server status reason',
  'tunnel.dialFailed': 'pod port reason',
  'tunnel.refused': 'pod port reason',
  'tunnel.podError': 'pod port reason',
  'tunnel.lost': 'pod port',
  'tunnel.unresponsive': 'pod port seconds',
  'tunnel.protocol': 'pod port reason',
  'tunnel.stale': 'pod port',
  'tunnel.unanswered': 'name reason',
  'tunnel.interrupted': 'name reason',
  'tunnel.timeout': 'name seconds',
  'tunnel.notHttp': 'name reason',
  'tunnel.foreignOrigin': 'origin expected',
  'tunnel.closed': 'name',
  'discovery.blueprintMismatch': 'deployment serviceAccount annotation sidecar',
  'discovery.invalidId': 'value source',
  'discovery.invalidValue': 'value source',
  'discovery.unreadable': 'kind name reason',
  'discovery.noSidecar': 'deployment',
  'discovery.gatewayIncomplete': 'service reason',
  'doctor.imagePull': 'pod container image reason detail',
  'doctor.crashLoop': 'pod container reason exitCode restarts',
  'doctor.unschedulable': 'pod detail',
  'doctor.overridesOff': 'setting source',
  'doctor.oldSidecar': 'version',
  'doctor.development': 'source',
  'doctor.clientSecret': 'source',
  'doctor.noTokenFile': 'pod path',
  'doctor.tokenAudience': 'pod path audience',
  'doctor.issuerUnreadable': 'path',
  'doctor.issuerPrivate': 'issuer',
  'doctor.issuerUnreachable': 'url reason',
  'doctor.issuerDiffers': 'url expected actual',
  'doctor.keysDiffer': 'url published actual',
  'doctor.scopeRefused': '',
  'doctor.tokenCheck': 'token check',
  'doctor.refusedByFile': 'path status answer',
  'doctor.noTools': 'path',
  'doctor.bundleHoldsSecret': 'kinds',
  'gateway.tokenMissing': 'route',
  'gateway.tokenExpired': 'route',
  'gateway.audienceRejected': 'route',
  'gateway.issuerRejected': 'route',
  'gateway.signatureRejected': 'route detail',
  'gateway.tokenRejected': 'route detail',
  'gateway.forbidden': 'route',
  'gateway.routeMissing': 'route',
  'gateway.guardrail': 'detail',
  'gateway.rateLimited': 'route resetSeconds',
  'gateway.requestTooLarge': 'route',
  'gateway.requestRejected': 'route detail',
  'gateway.upstreamUnreachable': 'route detail',
  'gateway.upstreamTimeout': 'route detail',
  'gateway.unexpected': 'route status detail',
  'gateway.configUnreadable': 'line detail',
  'llm.tokenRejected': 'detail',
  'llm.keyRejected': 'host',
  'llm.forbidden': 'detail',
  'llm.deploymentMissing': 'deployment',
  'llm.notFound': 'detail',
  'llm.rateLimited': 'retryAfterSeconds detail',
  'llm.contentFiltered': 'categories',
  'llm.contextTooLong': 'detail',
  'llm.requestRejected': 'status detail',
  'llm.unavailable': 'status detail',
  'llm.unreachable': 'host detail',
  'llm.timeout': 'seconds',
  'llm.interrupted': 'detail',
  'llm.malformed': 'detail',
  'llm.answerTooLarge': '',
  'llm.endpointInvalid': '',
  'signIn.authorityInvalid': 'authority',
  'signIn.unsafeEndpoint': 'host authority',
  'signIn.unsafePage': 'page authority',
  'signIn.unreachable': 'host reason',
  'signIn.badAnswer': 'host status problem',
  'signIn.entraUnavailable': ENTRA,
  'signIn.deviceCodeExpired': ENTRA,
  'signIn.browserUnanswered': 'minutes',
  'signIn.editorAccount': 'reason',
  'signIn.deviceCodeRejected': ENTRA,
  'signIn.declined': ENTRA,
  'signIn.consentRequired': ENTRA,
  'signIn.blocked': ENTRA,
  'signIn.notAssigned': ENTRA,
  'signIn.interactionRequired': `${ENTRA} claims`,
  'signIn.sessionEnded': ENTRA,
  'signIn.clientNotAllowed': ENTRA,
  'signIn.unknownClient': ENTRA,
  'signIn.unknownTenant': ENTRA,
  'signIn.wrongUser': ENTRA,
  'signIn.unknownResource': ENTRA,
  'signIn.badScope': ENTRA,
  'signIn.refused': ENTRA,
  'signIn.secretStorage': 'reason',
  'signIn.failed': 'reason',
  'token.malformed': 'reason',
  'token.tooLarge': 'bytes limit',
  'userToken.wrongAudience': 'expected actual',
  'userToken.wrongTenant': 'expected actual',
  'userToken.scopeMissing': 'expected actual',
  'userToken.expired': 'expiredAt now',
  'userToken.claimMissing': 'claim',
  'agentToken.audienceUnknown': 'api',
  'agentToken.wrongAgent': MISMATCH,
  'agentToken.wrongAudience': MISMATCH,
  'agentToken.wrongUser': MISMATCH,
  'agentToken.wrongTenant': MISMATCH,
  'agentToken.notOnBehalfOfUser': 'api',
  'agentToken.expired': 'api expiredAt now',
  'sidecar.unreachable': 'reason',
  'sidecar.notASidecar': 'status problem',
  'sidecar.unhealthy': 'status detail',
  'sidecar.wrongHost': '',
  'sidecar.forbiddenCaller': '',
  'sidecar.unknownApi': 'api',
  'sidecar.userTokenRejected': 'reason aadsts correlationId time',
  'sidecar.consentMissing': OBO,
  'sidecar.interactionRequired': OBO,
  'sidecar.blockedByPolicy': OBO,
  'sidecar.workloadIdentityRefused': OBO,
  'sidecar.unknownIdentity': OBO,
  'sidecar.unknownResource': OBO,
  'sidecar.entraRefused': OBO,
  'sidecar.refused': 'api status detail',
  'sidecar.unexpected500': 'status detail',
  'sidecar.malformedAnswer': 'status problem',
  'sidecar.notBearer': 'scheme',
  'mcp.unknownTool': 'server tool',
  'mcp.rejected': 'server code detail',
  'mcp.upstreamFailed': 'server detail',
  'mcp.sessionLost': 'server detail',
  'mcp.notMcp': 'server detail',
  'mcp.signInNeeded': 'server',
  'mcp.forbidden': 'server detail',
  'mcp.unreachable': 'server detail',
  'mcp.timeout': 'server seconds',
  'mcp.interrupted': 'server',
  'mcp.httpFailed': 'server status detail',
  'mcp.redirected': 'server detail',
  'mcp.tooLarge': 'server megabytes',
  'mcp.protocolVersion': 'server detail',
  'mcp.malformed': 'server detail',
  'mcp.notConnected': 'server',
  'mcp.urlInvalid': '',
  'mcp.urlNotHttps': 'host',
  'mcp.urlCredentials': '',
  'mcp.duplicate': 'server',
  'mcp.noServer': '',
};

/** Values that Entra, a cluster or an empty body may leave out: without them a sentence must still be one. */
const OPTIONAL = 'aadsts correlationId time detail claims hint known namespace categories retryAfterSeconds'.split(' ');
const isOptional = (code: string, name: string) =>
  OPTIONAL.includes(name) || (code === 'sidecar.userTokenRejected' && name === 'reason');

const catalogue = catalogueOf(translate, new Place(() => undefined));
const say = sayer(translate);
const argsOf = (code: string) => DOCUMENTED[code as Code].split(' ').filter(Boolean);
const TOKEN = `eyJhbGciOiJSUzI1NiJ9.${'eyJzdWIiOiJhIn0'}.${'c2lnbmF0dXJl'.repeat(4)}`;

/** What is wrong with a text that a person reads; undefined when nothing is. */
function flaw(text: string): string | undefined {
  if (text.trim() !== text || text === '') return 'empty, or blanks around it';
  if (/\{\d*\}/.test(text)) return 'a placeholder was not replaced';
  if (/undefined|null|NaN|\[object/.test(text)) return 'a value is missing';
  return undefined;
}

for (const code of Object.keys(DOCUMENTED) as Code[]) {
  test(`${code}: one sentence, a next step, nothing unreplaced`, () => {
    const read = new Set<string>();
    const said = catalogue[code]?.(name => {
      read.add(name);
      return `‹${name}›`;
    });
    assert.ok(said, 'the catalogue has the code');
    const { sentence, next, actions = [] } = said;
    assert.equal(flaw(sentence), undefined, sentence);
    assert.match(sentence, /[.›)]$/, `ends in a full stop, or in what somebody else said: ${sentence}`);
    assert.doesNotMatch(sentence.replaceAll(/‹\w+›/g, 'x'), /[.!?] +\S/, `more than one sentence: ${sentence}`);
    assert.deepEqual(
      [...read].filter(name => !argsOf(code).includes(name)),
      [],
      'reads what no error of this code is documented to carry',
    );
    if (code === 'cancelled') assert.equal(next, '');
    else assert.equal(flaw(next), undefined, next);
    assert.deepEqual(
      actions.filter(action => !ACTION_IDS.includes(action)),
      [],
    );
    assert.equal(new Set(actions).size, actions.length);
  });
}

test('without the values that are not always known, a sentence is still one', () => {
  for (const code of Object.keys(DOCUMENTED) as Code[]) {
    const given = argsOf(code).filter(name => !isOptional(code, name));
    const { sentence, nextStep = '' } = say(new AgentIdError(code, Object.fromEntries(given.map(name => [name, 'x']))));
    const text = `${sentence} ${nextStep}`;
    assert.doesNotMatch(text, /\(\)|\( |“”|[:,] ?\.|[:,] +[A-Z]?$|\.\.|undefined/, `${code}: ${text}`);
    assert.doesNotMatch(sentence, /[:(] *\.?$/, `${code}: ${text}`);
    assert.match(sentence, /[^.]\.$/, `${code}: ${text}`);
  }
});

test('what the webviews get fits their protocol, however large and odd the values are', () => {
  for (const code of Object.keys(DOCUMENTED) as Code[]) {
    for (const value of ['x'.repeat(100_000), '\u202egnp.exe\u202c', '{0}{1}{2}', '']) {
      const said = say(new AgentIdError(code, Object.fromEntries(argsOf(code).map(name => [name, value]))));
      assert.ok(v.is(failure, said), code);
      for (const { label } of said.actions) assert.ok(label);
    }
  }
});

test('a token that got into the values of an error does not get out of its sentence', () => {
  for (const code of Object.keys(DOCUMENTED) as Code[]) {
    for (const value of [TOKEN, `Bearer ${TOKEN}`, `x ${TOKEN.slice(0, -20)} y`, 'refresh_token=0.AXoAsecretsecret']) {
      const said = say(new AgentIdError(code, Object.fromEntries(argsOf(code).map(name => [name, value]))));
      assert.doesNotMatch(JSON.stringify(said), /eyJzdWIi|secretsecret/, code);
    }
  }
});

test('an error that is not ours is said as it is, on one line, without tokens and not at length', () => {
  for (const error of [
    new Error(`GET /x\n  failed: Bearer ${TOKEN} was refused`),
    new Error(`${'a '.repeat(140)}${TOKEN}`),
    `{"access_token":"${TOKEN}"}`,
    { toString: () => TOKEN },
  ]) {
    const { sentence, nextStep, actions } = say(error);
    assert.match(sentence, /^Something went wrong: \S/);
    assert.doesNotMatch(sentence, /eyJzdWIi|\n/);
    assert.ok(sentence.length < 400);
    assert.ok(nextStep);
    assert.deepEqual(
      actions.map(action => action.id),
      ['agentId.showLog'],
    );
  }
  for (const error of [undefined, null, '', 7, {}, new Error('')]) {
    assert.ok(v.is(failure, say(error)));
    assert.notEqual(say(error).sentence.trim(), '');
  }
});

test('what somebody else said ends like a sentence, since the next step may follow it', () => {
  const ends = (detail: string) => say(new AgentIdError('llm.forbidden', { detail })).sentence.slice(-8);
  assert.equal(ends('no role'), 'no role.');
  assert.equal(ends('No role.'), 'No role.');
  assert.equal(ends('No role!'), 'No role!');
  const { sentence } = say(new AgentIdError('kubeconfig.invalid', { path: 'x', reason: 'Bad indentation.' }));
  assert.equal(sentence, 'x is not a valid kubeconfig: Bad indentation.');
});

test('a code that nobody knows is an error like any other', () => {
  const { sentence } = say(new AgentIdError('some.newCode', { reason: 'because' }));
  assert.match(sentence, /some\.newCode/);
});

test('a sentence that is too long for a view is cut, and still one', () => {
  const said = say(new AgentIdError('kubeconfig.notFound', { path: '/a'.repeat(5_000) }));
  assert.equal(said.sentence.length, LIMITS.sentence);
  assert.ok(said.sentence.endsWith('…'));
});
