// What Connect… asks, in which order, and what it does not ask: the editor is stood in for by whoever answers.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { after, test, type TestContext } from 'node:test';
import type { ConnectionPlan } from '../../../src/agent/configuration.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { sayer } from '../../../src/views/messages/index.ts';
import { change, INTERN, RESEARCH, TENANT, VALUES } from '../cluster/support/discovery.ts';
import { FakeApiServer } from '../cluster/support/fakeApiServer.ts';
import { config, fakeServer, folder, write } from '../cluster/support/kubeconfig.ts';
import { forbid, ourManifests, serve, type KubeObject } from '../cluster/support/objects.ts';
import { translate } from './support.ts';

interface Item {
  label: string;
  description?: string;
  detail?: string;
}
/** A list or a field, as the person sees it. */
interface Box {
  title: string;
  hint: string;
  items: string[];
  value: string;
  problem(value: string): string | undefined;
}
/** The label to pick, or the text to enter; undefined = Escape. */
type Answer = string | undefined | ((box: Box) => string | undefined);

const boxes: Box[] = [];
let answers: Answer[] = [];

function show(box: Partial<Box>): string | undefined {
  const whole = { title: '', hint: '', items: [], value: '', problem: () => undefined, ...box };
  boxes.push(whole);
  assert.ok(answers.length > 0, `nobody expected to be asked: ${JSON.stringify(box)}`);
  const answer = answers.shift();
  return typeof answer === 'function' ? answer(whole) : answer;
}

const window = {
  showQuickPick: async (choices: Item[], { title, placeHolder }: { title: string; placeHolder: string }) => {
    const text = ({ label, description, detail }: Item) => [label, description, detail].filter(Boolean).join(' | ');
    const label = show({ title, hint: placeHolder, items: choices.map(text) });
    if (label === undefined) return undefined;
    return choices.find(choice => choice.label === label) ?? assert.fail(`no ${label} in ${choices.map(text).join()}`);
  },
  showInputBox: async (options: { title: string; prompt: string; value?: string; validateInput: Box['problem'] }) => {
    const { title, prompt, value = '', validateInput } = options;
    return show({ title, hint: prompt, value, problem: validateInput });
  },
  withProgress: async (_options: unknown, work: () => Promise<unknown>) => work(),
};
Object.assign(globalThis, { standInEditor: { window, l10n: { t: translate }, ProgressLocation: { Window: 10 } } });
const STAND_IN = `data:text/javascript,export const { window, l10n, ProgressLocation } = globalThis.standInEditor;`;
const hooks = registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'vscode' ? { url: STAND_IN, shortCircuit: true } : next(specifier, context),
});
after(() => hooks.deregister());
const { planCluster, planOtherAgent } = await import('../../../src/views/connectFlow.ts');

const say = sayer(translate);
const never = new AbortController().signal;

/** An API server with these objects in the namespace `agent-id`, and a kubeconfig that leads there. */
async function cluster(t: TestContext, objects: KubeObject[], namespaces: string[] | null = ['agent-id']) {
  const server = await fakeServer(t);
  serve(server, 'agent-id', objects);
  if (namespaces)
    server.routes.set('/api/v1/namespaces', (_request, response) =>
      FakeApiServer.json(response, 200, { items: namespaces.map(name => ({ metadata: { name } })) }),
    );
  else forbid(server, '/api/v1/namespaces');
  return { server, kubeconfig: await write(t, config(server.origin, { user: { token: 'x' } })) };
}

/** What Connect… makes of these answers; all of them are used up. */
async function connect(kubeconfig: string, given: Answer[], last?: ConnectionPlan) {
  boxes.length = 0;
  answers = [...given];
  const plan = await planCluster({ path: kubeconfig, logger: silentLogger }, last, say, never);
  assert.deepEqual(answers, [], 'somebody was to be asked');
  return plan;
}

const planFor = (kubeconfig: string, deployment: string, more: Partial<ConnectionPlan> = {}): ConnectionPlan => {
  return { mode: 'connected', kubeconfig, context: 'dev', namespace: 'agent-id', deployment, answers: {}, ...more };
};

test('a kubeconfig without contexts has nothing to choose from', async t => {
  const file = await write(t, 'apiVersion: v1\nkind: Config\ncontexts: []\n');
  await assert.rejects(connect(file, []), { code: 'kubeconfig.noContexts', args: { files: file } });
});

test('nothing is asked where there is one of each', async t => {
  const objects = (await ourManifests(VALUES)).filter(({ metadata }) => metadata.name !== 'intern-agent');
  const { kubeconfig } = await cluster(t, objects);
  assert.deepEqual(await connect(kubeconfig, []), planFor(kubeconfig, 'research-agent'));
});

test('contexts say which file they come from, namespace and agents what is known of them', async t => {
  const { server, kubeconfig } = await cluster(t, await ourManifests(VALUES), ['agent-id', 'agents', 'default']);
  const other = path.join(await folder(t), 'other');
  const spare = { name: 'spare', context: { cluster: 'c', user: 'u' } };
  await writeFile(other, JSON.stringify({ contexts: [spare] }));
  const before = process.env['KUBECONFIG'];
  t.after(() => {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
  });
  process.env['KUBECONFIG'] = [other, '', '/nonexistent/config', kubeconfig].join(path.delimiter);
  boxes.length = 0;
  answers = ['dev', 'agent-id', 'intern-agent'];
  const plan = await planCluster({ logger: silentLogger }, undefined, say, never);
  assert.deepEqual(plan, {
    mode: 'connected',
    context: 'dev',
    namespace: 'agent-id',
    deployment: 'intern-agent',
    answers: {},
  });
  const [contexts, namespaces, agents] = boxes;
  assert.deepEqual(contexts?.items, [
    `dev | current context | ${server.origin} · ${kubeconfig}`,
    `spare | ${server.origin} · ${other}`,
  ]);
  // the context's own namespace, `agents`, is the first
  assert.deepEqual(namespaces?.items, ['agents', 'agent-id', 'default']);
  assert.equal(agents?.hint, 'Agents that share a ServiceAccount are not isolated from each other');
  assert.deepEqual(agents.items, [
    `intern-agent | ${INTERN} | ServiceAccount agent-blueprint`,
    `research-agent | ${RESEARCH} | ServiceAccount agent-blueprint`,
  ]);
});

test('what was used last is one press away, and first in each list', async t => {
  const { server, kubeconfig } = await cluster(t, await ourManifests(VALUES), ['a', 'agent-id']);
  const last = planFor(kubeconfig, 'research-agent');
  assert.equal(await connect(kubeconfig, ['research-agent'], last), last);
  assert.deepEqual(boxes[0]?.items, [
    'research-agent | used last | dev · agent-id',
    `dev | current context | ${server.origin}`,
  ]);
  assert.deepEqual(server.requests, [], 'nothing has to be looked up for that');

  assert.deepEqual(await connect(kubeconfig, ['dev', 'agent-id', 'research-agent'], last), last);
  assert.equal(boxes[1]?.items[0], 'agent-id');
  assert.equal(boxes[2]?.items[0], `research-agent | ${RESEARCH} · used last | ServiceAccount agent-blueprint`);
});

test('what was used last is offered only where it still is', async t => {
  const { kubeconfig } = await cluster(t, await ourManifests(VALUES));
  for (const more of [{ context: 'gone' }, { kubeconfig: '/another/file' }]) {
    await connect(kubeconfig, ['research-agent'], planFor(kubeconfig, 'research-agent', more));
    assert.doesNotMatch(boxes[0]?.items.join() ?? '', /used last/);
  }
});

test('a namespace that may not be listed is typed, beginning with the context’s own', async t => {
  const { kubeconfig } = await cluster(t, await ourManifests(VALUES), null);
  const typed = (box: Box) => {
    assert.deepEqual([box.hint, box.value, box.items], ['Namespace of the agent', 'agents', []]);
    assert.equal(box.problem('Not A Name'), 'Not a namespace name');
    assert.equal(box.problem('agent-id'), undefined);
    return 'agent-id';
  };
  const plan = await connect(kubeconfig, [typed, 'research-agent']);
  assert.deepEqual(plan, planFor(kubeconfig, 'research-agent'));
  const again = (box: Box) => (assert.equal(box.value, 'agent-id'), 'agent-id');
  await connect(kubeconfig, ['dev', again, 'research-agent'], plan);
});

test('leaving any of the questions is no plan', async t => {
  const objects = change(
    await ourManifests(VALUES),
    'Deployment',
    'research-agent',
    object => delete object.metadata.annotations,
  );
  const { kubeconfig } = await cluster(t, objects, ['agent-id', 'agents']);
  const all: Answer[] = ['agent-id', 'research-agent', RESEARCH];
  for (let asked = 0; asked < all.length; asked++)
    assert.equal(await connect(kubeconfig, [...all.slice(0, asked), undefined]), undefined);
  assert.deepEqual((await connect(kubeconfig, all))?.answers, { agentAppId: RESEARCH });
});

test('only what the cluster leaves open is asked, with the reason; an answer holds for its agent only', async t => {
  let objects = await ourManifests({ ...VALUES, RESEARCH_AGENT_APP_ID: '${RESEARCH_AGENT_APP_ID}' });
  const { server, kubeconfig } = await cluster(t, objects);
  const typed = (box: Box) => {
    assert.equal(box.title, 'Agent identity (application id) of research-agent'); // stays beside what is wrong with an entry
    assert.match(
      box.hint,
      /^The cluster does not say · “\$\{RESEARCH_AGENT_APP_ID\}” is not an id \(from Deployment research-agent, annotation agent-id\.dev\/agent-identity\)/,
    );
    assert.match(box.problem('research-agent') ?? '', /^A GUID/);
    assert.equal(box.problem(` ${RESEARCH} `), undefined);
    return ` ${RESEARCH} `;
  };
  const plan = await connect(kubeconfig, ['research-agent', typed]);
  assert.deepEqual(plan, planFor(kubeconfig, 'research-agent', { answers: { agentAppId: RESEARCH } }));
  await connect(kubeconfig, ['dev', 'research-agent'], plan);
  await connect(kubeconfig, ['dev', 'research-agent', typed], {
    ...planFor(kubeconfig, 'research-agent'),
    namespace: 'x',
  });

  objects = objects.filter(({ metadata }) => metadata.name !== 'agent-id-sidecar');
  serve(server, 'agent-id', objects);
  forbid(server, '/api/v1/namespaces/agent-id/configmaps/agent-id-sidecar');
  await connect(kubeconfig, [
    'intern-agent',
    ({ title, hint }) => {
      assert.equal(title, 'Tenant id');
      assert.match(hint, /^The cluster does not say · The ConfigMap agent-id-sidecar could not be read/);
      return TENANT;
    },
  ]);
});

test('another agent of the connected namespace: the one that is on is named, and what was answered for it is not asked', async t => {
  const objects = change(
    await ourManifests(VALUES),
    'Deployment',
    'research-agent',
    object => delete object.metadata.annotations,
  );
  const { kubeconfig } = await cluster(t, objects);
  const plan = planFor(kubeconfig, 'research-agent', { answers: { agentAppId: RESEARCH } });
  let connected = true;
  const choose = async (...given: Answer[]) => {
    boxes.length = 0;
    answers = given;
    return planOtherAgent(plan, connected, { logger: silentLogger }, say, never);
  };
  assert.deepEqual(await choose('intern-agent'), { ...plan, deployment: 'intern-agent', answers: {} });
  assert.equal(boxes[0]?.items[0], 'research-agent | connected now | ServiceAccount agent-blueprint');
  assert.deepEqual(await choose('research-agent'), plan);
  connected = false; // after a Disconnect
  assert.equal(await choose(undefined), undefined);
  assert.equal(
    boxes[0]?.items[0],
    'research-agent | no agent identity named · used last | ServiceAccount agent-blueprint',
  );
});
