import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DoctorOperation, DoctorState } from '../../src/protocol/doctor.ts';
import { doctors } from './support/doctorStates.ts';
import { viewTests } from './support/viewTests.ts';

const doctor = viewTests<DoctorState, DoctorOperation>('doctor', { width: 900, height: 900 });
const { open, patch } = doctor;
const row = (title: string) =>
  doctor.page.getByRole('listitem').filter({ has: doctor.page.getByRole('heading', { name: title, exact: true }) });
const button = (name: string) => doctor.page.getByRole('button', { name, exact: true });
const spoken = () => doctor.page.locator('[role=status]').innerText();
const states = () => doctors(Date.now());

test('each check stands under its heading, with its outcome as a word and its time', async () => {
  await open(states().green);
  await doctor.page.locator('body[data-view="doctor"]').waitFor();
  assert.deepEqual(await doctor.page.getByRole('heading', { level: 2 }).allInnerTexts(), [
    'Cluster',
    'Sidecar',
    'Identity',
    'Gateway',
  ]);
  assert.equal(await doctor.page.getByRole('heading', { level: 3 }).count(), 21);
  assert.match(await row('API server answers').innerText(), /API server answers\s+Passed\s+41 ms/);
  assert.match(await doctor.page.locator('header').innerText(), /All 21 checks passed\./);
});

test('a failure has its one fix, and what depends on it says what it would have needed', async () => {
  await open(states().failed);
  const failed = row('Your rights in the namespace');
  assert.match(
    await failed.innerText(),
    /Failed[\s\S]*You may not create pods\/portforward[\s\S]*A cluster admin can fix/,
  );
  assert.match(await row('Model answers').innerText(), /Not checked[\s\S]*It needs “Your rights in the namespace”/);
  await failed.getByRole('button', { name: 'Copy for the Cluster Admin' }).click();
  await failed.getByRole('button', { name: 'Show Log' }).click();
  const [copied, ran] = (await doctor.posted()) as { type: string; text?: string; id?: string }[];
  assert.match(copied?.text ?? '', /kubectl create rolebinding/);
  assert.deepEqual(ran, { type: 'runAction', id: 'agentId.showLog' });
});

test('the first failure is one press away, and has the focus then', async () => {
  const { refused, green } = states();
  await open(green);
  assert.equal(await button('First Failure').isVisible(), false);
  await doctor.close();
  await open(refused);
  await button('First Failure').press('Enter');
  const focused = await doctor.page.evaluate('document.activeElement.innerText');
  assert.match(String(focused), /^Gateway’s rules let the agent in/);
});

test('a wait counts down, and can be ended by hand in both ways', async () => {
  await open(states().waiting);
  const waiting = row('Token for MCP');
  assert.match(await waiting.innerText(), /Waiting[\s\S]*Next try: in \d+ s; it gives up: in [45] min/);
  await waiting.getByText(/^in \d s$/).waitFor(); // it began with 12
  const header = await doctor.page.locator('header').innerText();
  assert.match(header, /Waiting for “Token for MCP”, for 4 min at most: 18 of 21 done\./);
  assert.match(header, /research-agent in namespace agent-id, context kind-agent-id · .*2026/);
  await button('What It Waits For').press('Enter');
  assert.match(String(await doctor.page.evaluate('document.activeElement.innerText')), /^Token for MCP/);
  await waiting.getByRole('button', { name: 'Try Now: Token for MCP' }).click();
  await waiting.getByRole('button', { name: 'Stop Waiting: Token for MCP' }).click();
  assert.deepEqual(await doctor.posted(), [
    { type: 'wake', check: 'mcpToken', again: true },
    { type: 'wake', check: 'mcpToken', again: false },
  ]);
});

test('a try in between moves nothing: the focus stays on its button, and a screen reader hears of the wait once', async () => {
  const { running, waiting } = states();
  await open(running);
  const check = waiting.checks.find(({ id }) => id === 'mcpToken')!;
  const trying = (now: boolean): DoctorOperation => ({ op: 'check', check: { ...check, trying: now } });
  await patch(trying(false));
  const now = row('Token for MCP').getByRole('button', { name: 'Try Now: Token for MCP' });
  await now.press('Enter');
  await patch(trying(true));
  assert.match(await row('Token for MCP').innerText(), /Trying again now; it gives up: in [45] min/);
  assert.equal(await doctor.page.evaluate('document.activeElement.textContent'), 'Try Now');
  await now.press('Enter');
  await patch({ op: 'check', check: { ...check, trying: false, nextTry: Date.now() + 15_000 } });
  assert.equal(await doctor.page.evaluate('document.activeElement.textContent'), 'Try Now');
  assert.equal((await doctor.posted()).length, 1, 'no try on top of a try');
  assert.equal((await spoken()).match(/is tried again/g)?.length, 1);
  await patch({ op: 'check', check: states().green.checks.find(({ id }) => id === 'mcpToken')! });
  assert.match(
    String(await doctor.page.evaluate('document.activeElement.textContent')),
    /^Token for MCP/,
    'where the buttons were',
  );
});

test('while it runs it can be stopped, afterwards run again and exported; the focus stays on the button', async () => {
  const { running, green } = states();
  await open(running);
  assert.equal(await button('Support Bundle…').count(), 0);
  await button('Stop').press('Enter');
  assert.deepEqual(await doctor.posted(), [{ type: 'stop' }]);
  await patch(...green.checks.map((check): DoctorOperation => ({ op: 'check', check })), {
    op: 'end',
    summary: 'All 21 checks passed.',
  });
  assert.equal(await doctor.page.evaluate('document.activeElement.textContent'), 'Run Again');
  assert.match(await spoken(), /All 21 checks passed\./);
  await button('Support Bundle…').click();
  await button('Run Again').click();
  assert.deepEqual(await doctor.posted(), [{ type: 'bundle' }, { type: 'run' }]);
});

test('each failure is spoken once', async () => {
  const { running, failed } = states();
  await open(running);
  const check = failed.checks.find(({ id }) => id === 'rbac')!;
  await patch({ op: 'check', check });
  await patch({ op: 'check', check: { ...check, ms: 77 } });
  assert.equal((await spoken()).match(/You may not create pods\/portforward/g)?.length, 1);
});

test('the federated credential can be read and copied although nothing failed', async () => {
  await open(states().green);
  const federation = row('Issuer and keys of the ServiceAccount');
  await federation.getByText('What was found').click();
  await federation.getByRole('group', { name: 'Federated credential that the blueprint needs' }).waitFor();
  await federation.getByRole('button', { name: 'Copy this text' }).click();
  const [message] = (await doctor.posted()) as { text: string }[];
  assert.match(message?.text ?? '', /POST https:\/\/graph\.microsoft\.com/);
});

test('what others wrote is text, and a fold stays open while its row changes', async () => {
  const { green } = states();
  await open(green);
  const check = green.checks.find(({ id }) => id === 'tokens')!;
  await row(check.title).getByText('What was found').click();
  const sentence = '<img src=x onerror=alert(1)>\u202e';
  await patch({ op: 'check', check: { ...check, findings: [{ title: 'T', outcome: 'ok', sentence }] } });
  assert.match(await row(check.title).innerText(), /<img src=x onerror=alert\(1\)>/);
  assert.equal(await doctor.page.locator('img').count(), 0);
});

test('a patch that does not fit asks for everything', async () => {
  await open(states().green);
  await doctor.send({ type: 'patch', seq: 7, operations: [{ op: 'end', summary: 'x' }] });
  assert.deepEqual(await doctor.posted(), [{ type: 'needSnapshot' }]);
});
