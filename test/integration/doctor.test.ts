import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { InteractiveSignIn } from '../../src/agent/personSignIn.ts';
import type { ConnectionPlan } from '../../src/agent/configuration.ts';
import type { Examination } from '../../src/doctor/doctor.ts';
import { CHECKS } from '../../src/doctor/report.ts';
import { SignInCommands } from '../../src/views/signInCommands.ts';
import { startCore } from './support/core.ts';
import { doctorOf, kinds, type DoctorOptions } from './support/doctor.ts';
import { PUBLIC_CLIENT, startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
let doctor: ReturnType<typeof doctorOf>;
before(async () => {
  sandbox = await startSandbox();
  doctor = doctorOf(sandbox);
});
after(() => sandbox.stop());
beforeEach(async () => {
  await sandbox.control('reset', {});
  await sandbox.control('entra', { deviceCodeInterval: 1 });
});

const kubernetes = (call: string, ...args: unknown[]) => sandbox.control('kubernetes', { do: call, args });
const admin = (plan: ConnectionPlan): ConnectionPlan => ({ ...plan, context: 'agent-id-sandbox-admin' });

async function examine(options: DoctorOptions = {}): Promise<Examination> {
  const examination = doctor.run(options);
  await examination.ended;
  return examination;
}

test('everything passes where everything is well, and nothing that it opened stays', async () => {
  const examination = await examine({ plan: admin });
  const found = kinds(examination.report);
  assert.deepEqual(Object.keys(found).toSorted(), CHECKS.toSorted());
  for (const id of CHECKS) assert.equal(found[id], 'passed', `${id}: ${JSON.stringify(examination.report.get(id))}`);
  assert.equal(examination.user, sandbox.json.users[0]?.upn);
  const federation = examination.report.get('federation');
  assert.ok(federation?.kind === 'passed');
  assert.deepEqual(
    federation.credential?.body.subject,
    `system:serviceaccount:${sandbox.json.namespace}:agent-blueprint`,
  );
  assert.equal(federation.credential.blueprintAppId, sandbox.json.blueprintAppId);
  const { tunnels } = (await sandbox.control('kubernetes')) as { tunnels: number };
  assert.equal(tunnels, 0);
  assert.doesNotMatch(doctor.log.join('\n'), /eyJ[\w-]{8,}\./);
});

test('where nothing is connected it asks what Connect asks, and examines that', async () => {
  let asked = 0;
  let chosen: ConnectionPlan | undefined;
  const examination = await examine({
    plan: plan => {
      chosen = plan;
      return undefined;
    },
    deps: {
      settings: {
        authority: 'https://login.microsoftonline.com',
        clientId: PUBLIC_CLIENT,
        clientIdIsDefault: true,
        kubeconfig: sandbox.json.kubeconfig,
      },
      choose: async () => {
        asked++;
        return chosen;
      },
    },
  });
  assert.equal(asked, 1);
  assert.equal(examination.report.get('tools')?.kind, 'passed', JSON.stringify(examination.report.get('context')));
  assert.equal(examination.subject?.agent.deployment, sandbox.json.agents[0]?.deployment);
});

test('what depends on a failure is not looked at, and names it', async () => {
  await kubernetes('setReady', 'research-agent', false);
  const { report } = await examine();
  for (const id of ['tunnel', 'health', 'validate', 'llmToken', 'mcp', 'tools'] as const)
    assert.deepEqual(report.get(id), { kind: 'blocked', needs: ['pod'] }, id);
});

test('consent that comes while it waits is noticed, and the rest goes on', async () => {
  await sandbox.control('entra', { consentMissing: ['research-agent/mcp'] });
  let waits = 0;
  const { report } = await examine({
    deps: { patience: { every: 300, atMost: 60_000 } },
    changed: (id, examination) => {
      const state = examination.report.get(id);
      if (id !== 'mcpToken' || state?.kind !== 'waiting' || state.trying) return;
      if (++waits === 2) void sandbox.control('entra', { consentMissing: [] });
    },
  });
  assert.ok(waits >= 2, `${waits} waits`);
  assert.equal(report.get('tools')?.kind, 'passed', JSON.stringify(report.get('mcpToken')));
});

test('a connection at work is left alone: an answer streams on, tokens, tunnels and MCP sessions stay', async () => {
  const core = await startCore(sandbox);
  try {
    const connection = await core.connect();
    const { llmApi, mcpApi } = connection.configuration;
    const held = () => ({
      tokens: [llmApi, mcpApi].map(({ value }) => connection.broker.peek(value)?.fingerprint),
      tunnels: [connection.sidecarTunnel, connection.gatewayTunnel].map(tunnel => tunnel?.state),
      servers: core.servers.list().map(({ spec, state }) => [spec.id, state.kind]),
      user: connection.account,
      steps: (['sidecar', 'signIn', 'llmToken', 'mcpToken', 'tools'] as const).map(step => connection.step(step)),
    });
    const { said: all } = await core.say('Hello! What can you do?');
    const before = held();
    assert.ok(before.tokens.every(Boolean));
    let changes = 0;
    const listening = [connection.onDidChange(() => changes++), core.servers.onDidChange(() => changes++)];

    await sandbox.control('model', { chunkDelay: 120 });
    let said = '';
    const begun = Promise.withResolvers<void>();
    const turn = core.turns.run(
      'Hello! What can you do?',
      {
        answerStarted: () => {},
        answerText: text => {
          said += text;
          begun.resolve();
        },
        answerEnded: () => {},
        toolChanged: () => {},
      },
      AbortSignal.timeout(60_000),
    );
    await begun.promise;
    const { account, lastUserToken } = connection;
    const deps = { secrets: core.secrets, account: () => account };
    const { report } = await examine({ deps });
    assert.ok(said.length < all.length, 'the Doctor was done before the answer');
    assert.equal(report.get('tools')?.kind, 'passed');
    assert.equal(await turn, 'done');
    assert.equal(said, all);
    assert.deepEqual(held(), before);
    assert.equal(connection.lastUserToken?.raw, lastUserToken?.raw);
    assert.equal(changes, 0);
    for (const each of listening) each.dispose();
  } finally {
    await core.stop();
  }
});

test('a message that waits for a sign-in is answered when the Doctor got one', async () => {
  const asked = Promise.withResolvers<void>();
  const core = await startCore(sandbox, { askSignIn: () => asked.resolve() });
  try {
    const never = new AbortController().signal;
    const connection = await core.session.connect(core.plan(), undefined, never);
    assert.equal(connection.account, undefined);
    const { session, interaction } = core;
    const nobody = () => assert.fail('it needs no connect and no way of its own');
    const commands = new SignInCommands({
      ...{ session, usual: interaction.signIn, connect: nobody, begin: nobody },
      use: work => work(connection, never),
    });
    const answer = core.say('Hello! What can you do?');
    await asked.promise;
    const signIn: InteractiveSignIn = async (...request) => {
      const token = await interaction.signIn(...request);
      void commands.takeUp();
      return token;
    };
    const { report } = await examine({ deps: { secrets: core.secrets, interaction: { ...interaction, signIn } } });
    assert.equal(report.get('signIn')?.kind, 'passed');
    assert.equal((await answer).outcome, 'done');
    assert.deepEqual([core.questions, core.open.size], [['agent.signInNeeded'], 0]);
    assert.equal(connection.step('tools').kind, 'done');
  } finally {
    await core.stop();
  }
});

test('stopped in the middle, it leaves nothing open', async () => {
  const abort = new AbortController();
  const { report } = await examine({
    signal: abort.signal,
    changed: (id, examination) => {
      if (id === 'health' && examination.report.get(id)?.kind === 'passed') abort.abort();
    },
  });
  assert.ok([...report.values()].some(({ kind }) => kind === 'stopped'));
  await new Promise(resolve => setTimeout(resolve, 300));
  const { tunnels } = (await sandbox.control('kubernetes')) as { tunnels: number };
  assert.equal(tunnels, 0);
});
