// Every AADSTS number and every error of the device flow that the catalogue knows, as Entra (the sandbox's) says it on the
// wire, through our own client to what a person reads: the code, who can fix it, and the fix with the right ids in it.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { createSignIn } from '../../src/identity/signIn.ts';
import type { Failure, Fixer } from '../../src/protocol/common.ts';
import { KNOWN_CODES } from '../../src/sandbox/entra/errors.ts';
import { catalogueOf, sayer } from '../../src/views/messages/index.ts';
import { Place } from '../../src/views/messages/place.ts';
import { placeOf } from '../../src/views/place.ts';
import { translate } from '../unit/views/support.ts';
import { memorySecrets, startCore } from './support/core.ts';
import { fillLoginPage, PUBLIC_CLIENT, startSandbox, type TestSandbox } from './support/sandbox.ts';

type Core = Awaited<ReturnType<typeof startCore>>;
let sandbox: TestSandbox;
let core: Core;
let say: (error: unknown) => Failure;
const secrets = memorySecrets();
/** The sign-in as it was stored after the first one: some refusals make us forget it. */
let stored: [string, string][];
const seen = new Set<string>();

before(async () => {
  sandbox = await startSandbox();
  await sandbox.control('/entra', { deviceCodeInterval: 1 });
  core = await startCore(sandbox, { secrets });
  await core.connect();
  stored = [...secrets.values];
  say = sayer(translate, { known: () => placeOf(core.session) });
});
after(async () => {
  await core.stop();
  await sandbox.stop();
});
beforeEach(async () => {
  await sandbox.control('/reset', {});
  await sandbox.control('/entra', { deviceCodeInterval: 1 });
  for (const [key, value] of stored) secrets.values.set(key, value);
});

const signIn = () =>
  createSignIn(
    { authority: sandbox.json.authority, clientId: PUBLIC_CLIENT, scopes: [sandbox.json.scope], knownAuthority: true },
    { secrets, fetch: sandbox.fetch, logger: silentLogger },
  );

/** What the error of `work` reads like, with its code and number. */
async function failureOf(work: Promise<unknown>): Promise<Failure & { code: string; aadsts: number | undefined }> {
  const error: unknown = await work.then(
    () => assert.fail('it should have failed'),
    (reason: unknown) => reason,
  );
  assert.ok(AgentIdError.is(error), String(error));
  seen.add(error.code);
  return { ...say(error), code: error.code, aadsts: error.args.aadsts as number | undefined };
}

/** The ids that a fix can hold. */
type Ids = { tenant: string; client: string; blueprint: string; agent: string; mcp: string; user: string };
const ids = (): Ids => ({
  tenant: sandbox.json.tenantId,
  client: PUBLIC_CLIENT,
  blueprint: sandbox.json.blueprintAppId,
  agent: sandbox.json.agents[0]!.appId,
  mcp: sandbox.json.mcpAppId,
  user: sandbox.json.users[0]!.upn,
});

interface Case {
  code: string;
  who: Fixer;
  /** What the fix must hold; absent: for the person there is none beside the next step. */
  fix?: (ids: Ids) => string;
}
const is = (code: string, who: Fixer, fix?: Case['fix']): Case => ({ code, who, ...(fix && { fix }) });
/** Numbers that mean the same. */
const all = (numbers: number[], found: Case): [number, Case][] => numbers.map(number => [number, found]);

function check(failure: Awaited<ReturnType<typeof failureOf>>, number: number, { code, who, fix }: Case): void {
  assert.equal(failure.code, code);
  assert.equal(failure.aadsts, number);
  assert.equal(failure.who, who, failure.sentence);
  assert.ok(failure.nextStep);
  const text = failure.fix ?? '';
  if (who !== 'you') {
    assert.match(text, /^SANDBOX: [^]*What mends it:\n\S/);
    for (const fact of [ids().tenant, `AADSTS${number}`, 'Correlation id: ', 'Time (UTC): 20', 'Entra said: “AADSTS'])
      assert.ok(text.includes(fact), `${fact} in\n${text}`);
  }
  if (fix) assert.ok(text.includes(fix(ids())), `${fix(ids())} in\n${text}`);
  else if (who === 'you') assert.equal(failure.fix, undefined);
  assert.doesNotMatch(JSON.stringify(failure), /eyJ[\w-]{10}/);
}

const patchClient = ({ client }: Ids) => `/v1.0/applications(appId='${client}')`;
const exception = ({ client }: Ids) => `client ${client}`;
const SESSION = is('signIn.sessionEnded', 'you');
const AGAIN = is('signIn.interactionRequired', 'you');
const RESCUE = is('signIn.entraUnavailable', 'you');
const UNREADABLE = is('signIn.refused', 'you');
const LOOK_UP = (number: number) => is('signIn.refused', 'entraAdmin', () => `error?code=${number}`);

/** The page on which an admin lets the sign-in client in: for the blueprint's scope, and for what signing in itself asks for. */
function clientConsent({ client, blueprint }: Ids): string {
  const scope = encodeURIComponent(`api://${blueprint}/access_as_user openid profile offline_access`);
  return `/v2.0/adminconsent?client_id=${client}&scope=${scope}&`;
}

/** On the renewal of the user token. */
const RENEWAL = new Map<number, Case>([
  ...all([70000, 70008, 70043, 50132, 50173, 700082, 700084], SESSION),
  ...all([50013, 500131, 500133, 7000114], SESSION),
  ...all([50072, 50074, 50076, 50078, 50079, 50158], AGAIN),
  ...all([90033, 50196], RESCUE),
  ...all([70003, 90014, 900144, 9002313], UNREADABLE),
  ...all([53000, 53001, 53002, 53003, 50097, 50131, 530036], is('signIn.blocked', 'entraAdmin', exception)),
  [530035, is('signIn.blocked', 'entraAdmin', () => 'Manage security defaults')],
  [65001, is('signIn.consentRequired', 'entraAdmin', clientConsent)],
  [90094, is('signIn.consentRequired', 'entraAdmin', i => `applications(appId='${i.blueprint}')`)],
  [90095, is('signIn.consentRequired', 'entraAdmin', i => `application ${i.client} and approve it`)],
  [65002, is('signIn.clientNotAllowed', 'you')],
  [65004, is('signIn.declined', 'you')],
  [650057, is('signIn.clientNotAllowed', 'entraAdmin', i => `"resourceAppId": "${i.blueprint}"`)],
  [7000218, is('signIn.clientNotAllowed', 'entraAdmin', patchClient)],
  [700025, is('signIn.clientNotAllowed', 'network', () => 'proxy')],
  [50105, is('signIn.notAssigned', 'entraAdmin', i => `servicePrincipals(appId='${i.client}')/appRoleAssignedTo`)],
  [700016, is('signIn.unknownClient', 'you', i => `"appId": "${i.client}"`)],
  [90002, is('signIn.unknownTenant', 'clusterAdmin', () => 'AzureAd__TenantId')],
  ...all(
    [50020, 50034],
    is('signIn.wrongUser', 'you', i => `tenant ${i.tenant}`),
  ),
  ...all(
    [50001, 500011],
    is('signIn.unknownResource', 'entraAdmin', i => `"api://${i.blueprint}"`),
  ),
  ...all([28000, 70011, 650053, 700022, 1002012], is('signIn.badScope', 'you')),
  ...all([82001, 82014], UNREADABLE),
  ...[
    70021, 700024, 700027, 700211, 700212, 700213, 700214, 700223, 700231, 7000215, 7000222, 7000272, 7000274, 7002121,
  ].map((number): [number, Case] => [number, LOOK_UP(number)]),
]);

/** While a person enters the code. */
const POLLING = new Map<number, Case>([
  ...all([70018, 90119, 90120, 50134], is('signIn.deviceCodeRejected', 'you')),
  ...all([70019, 70020], is('signIn.deviceCodeExpired', 'you')),
  [7000218, is('signIn.clientNotAllowed', 'entraAdmin', patchClient)],
  [53003, is('signIn.blocked', 'entraAdmin', exception)],
  [530036, is('signIn.blocked', 'entraAdmin', exception)],
  [50105, is('signIn.notAssigned', 'entraAdmin', i => i.client)],
]);

const grant = (i: Ids) => `"clientId": "${i.agent}"`;
const OVER = is('sidecar.userTokenRejected', 'you');
const scope = is(
  'sidecar.entraRefused',
  'clusterAdmin',
  i => `DownstreamApis__mcp__Scopes__0: "api://${i.mcp}/.default"`,
);
const image = is('sidecar.entraRefused', 'clusterAdmin', () => 'entra-sdk/auth-sidecar');
const tokenForPolicy = is('sidecar.blockedByPolicy', 'entraAdmin', i => i.agent);

/** On the exchange of the user token for the agent's (T2), for the API `mcp`. */
const ON_BEHALF = new Map<number, Case>([
  ...all([65001, 90094, 90095], is('sidecar.consentMissing', 'entraAdmin', grant)),
  ...all([50132, 50173, 70000, 70008, 70043, 700082, 700084], OVER),
  [500133, OVER],
  [7000114, OVER],
  ...all(
    [50013, 500131],
    is('sidecar.userTokenRejected', 'clusterAdmin', i => `AzureAd__ClientId: "${i.blueprint}"`),
  ),
  ...all([50072, 50074, 50076, 50078, 50079, 50158], is('sidecar.interactionRequired', 'you')),
  ...all([53000, 53001, 53002, 53003, 50097, 50131, 530035, 530036], tokenForPolicy),
  [50105, is('sidecar.entraRefused', 'entraAdmin', i => `servicePrincipals(appId='${i.mcp}')/appRoleAssignedTo`)],
  [90002, is('sidecar.entraRefused', 'clusterAdmin', i => `AzureAd__TenantId: "${i.tenant}"`)],
  [700016, is('sidecar.unknownIdentity', 'entraAdmin', i => `servicePrincipals/${i.agent}`)],
  ...all(
    [50001, 500011],
    is('sidecar.unknownResource', 'entraAdmin', i => `"appId": "${i.mcp}"`),
  ),
  ...all([28000, 70011, 650053, 700022, 1002012], scope),
  ...all([82001, 82014], is('sidecar.entraRefused', 'entraAdmin', grant)),
  ...all([90033, 50196], is('sidecar.entraRefused', 'you')),
  ...all([70003, 90014, 900144, 9002313], image),
  [50034, is('sidecar.entraRefused', 'entraAdmin', () => 'error?code=50034')],
]);

const subject = (i: Ids) =>
  `applications(appId='${i.blueprint}')/microsoft.graph.agentIdentityBlueprint/federatedIdentityCredentials`;
const refused = (who: Fixer, fix: Case['fix']) => is('sidecar.workloadIdentityRefused', who, fix);

/** On the pod's own exchange (T1). */
const EXCHANGE = new Map<number, Case>([
  ...all([70021, 700211, 700212, 700213, 700214, 700223, 7002121], refused('entraAdmin', subject)),
  [700024, refused('clusterAdmin', () => 'kubectl rollout restart deployment/research-agent')],
  ...all(
    [700027, 7000272, 7000274],
    refused('clusterAdmin', () => 'kubectl get --raw /openid/v1/jwks'),
  ),
  ...all(
    [700231, 7000215, 7000222],
    refused('clusterAdmin', () => 'SignedAssertionFileDiskPath'),
  ),
]);

describe('a renewal that Entra refuses', () => {
  for (const [number, expected] of RENEWAL)
    it(`${number} is ${expected.code}, for ${expected.who}`, async () => {
      await sandbox.control('/entra', { refreshFault: { code: number, times: 9 } });
      check(await failureOf((await signIn()).silent({ forceRefresh: true })), number, expected);
    });
});

describe('a device code that Entra refuses', () => {
  const enter = async (action: 'consent' | 'cancel' = 'consent') =>
    (await signIn()).deviceCode({
      onPrompt: prompt => void fillLoginPage(sandbox.json, prompt.userCode, { action }),
      signal: AbortSignal.timeout(20_000),
    });

  for (const [number, expected] of POLLING)
    it(`${number} is ${expected.code}, for ${expected.who}`, async () => {
      await sandbox.control('/entra', { deviceFault: { code: number } });
      check(await failureOf(enter()), number, expected);
    });

  it('authorization_declined is the person’s own answer, whatever number stands beside it', async () => {
    check(await failureOf(enter('cancel')), 70018, is('signIn.declined', 'you'));
  });

  it('authorization_pending and the loop that Entra sees in polling end nothing', async () => {
    await sandbox.control('/entra', { deviceFault: { code: 50196 } });
    assert.equal((await enter()).account.username, ids().user);
  });
});

describe('an exchange that Entra refuses', () => {
  const exchange = () => core.session.connection!.broker.get('mcp', { forceRefresh: true });

  for (const [number, expected] of ON_BEHALF)
    it(`${number} for the agent is ${expected.code}, for ${expected.who}`, async () => {
      await sandbox.control('/entra', { oboFault: { code: number, times: 9 } });
      check(await failureOf(exchange()), number, expected);
    });

  for (const [number, expected] of EXCHANGE)
    it(`${number} for the pod is ${expected.code}, for ${expected.who}`, async () => {
      await sandbox.control('/entra', { exchangeFault: { code: number, times: 9 } });
      const failure = await failureOf(exchange());
      check(failure, number, expected);
      if (expected.who === 'entraAdmin')
        assert.match(failure.fix ?? '', /"subject": "system:serviceaccount:agent-id:agent-blueprint"/);
    });

  it('a consent that is missing names the call, the page and both ids', async () => {
    await sandbox.control('/entra', { consentMissing: ['research-agent/openai'] });
    const connection = core.session.connection!;
    const { fix = '' } = await failureOf(connection.broker.get('openai', { forceRefresh: true }));
    const { agent, user, tenant } = ids();
    const cognitiveServices = "servicePrincipals(appId='7d312290-28c8-473c-a0ed-8e53749b6d6d')";
    for (const part of [cognitiveServices, `"clientId": "${agent}"`, '"scope": "user_impersonation"', user, tenant])
      assert.ok(fix.includes(part), `${part} in\n${fix}`);
    assert.match(fix, /POST https:\/\/graph\.microsoft\.com\/v1\.0\/oauth2PermissionGrants/);
    const page = URL.parse(/^https:\S+adminconsent\S+$/m.exec(fix)?.[0] ?? '');
    assert.equal(page?.pathname, `/${tenant}/v2.0/adminconsent`);
    assert.equal(page.searchParams.get('client_id'), agent);
    assert.equal(page.searchParams.get('scope'), 'https://cognitiveservices.azure.com/user_impersonation');
  });
});

it('no number that the sandbox can say is left out', () => {
  // The page's own affairs (16000, 50011, 50049, 50058, 501481), and a poll that goes on waiting (70016).
  const others = [16000, 50011, 50049, 50058, 501481, 70016];
  const known = [RENEWAL, POLLING, ON_BEHALF, EXCHANGE].flatMap(table => [...table.keys()]);
  assert.deepEqual(
    KNOWN_CODES.filter(number => !known.includes(number) && !others.includes(number)),
    [],
  );
});

it('no code that Entra leads to is left out', () => {
  const elsewhere = /^signIn\.(authorityInvalid|unsafe|unreachable|badAnswer|secretStorage|failed|browser|editor)/;
  const codes = Object.keys(catalogueOf(translate, new Place(() => undefined)));
  const missing = codes.filter(code => code.startsWith('signIn.') && !elsewhere.test(code) && !seen.has(code));
  assert.deepEqual(missing, []);
});
