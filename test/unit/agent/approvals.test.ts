import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Approvals, sameAgent, type ApprovalAnswer, type ApprovalRequest } from '../../../src/agent/approvals.ts';
import type { ConnectionPlan } from '../../../src/agent/configuration.ts';

const request: ApprovalRequest = {
  callId: '1',
  user: 'u',
  agent: 'a',
  serverId: 's',
  serverUrl: 'http://gateway.invalid/mcp',
  tool: 't',
  definition: { inputSchema: { type: 'object' } },
};
const { signal } = new AbortController();

test('"once" asks again the next time', async () => {
  let asked = 0;
  const approvals = new Approvals(async () => (asked++, { kind: 'once' }));
  await approvals.decide(request, signal);
  await approvals.decide(request, signal);
  assert.equal(asked, 2);
});

test('"session" is kept for exactly this user, agent, server, address, tool and definition', async () => {
  let asked = 0;
  const approvals = new Approvals(async () => (asked++, { kind: 'session' }));
  await approvals.decide(request, signal);
  assert.deepEqual(await approvals.decide({ ...request, callId: '2' }, signal), { granted: true, how: 'earlier' });
  assert.equal(asked, 1);
  const others: Partial<ApprovalRequest>[] = [
    { user: 'v' },
    { agent: 'b' },
    { serverId: 'z' },
    { serverUrl: 'https://elsewhere.example/mcp' },
    { tool: 'q' },
    { definition: { inputSchema: { type: 'object', properties: { more: {} } } } },
  ];
  for (const other of others) await approvals.decide({ ...request, ...other }, signal);
  assert.equal(asked, 1 + others.length);
});

test('a rejection grants nothing, and clearing ends what was granted', async () => {
  const answers = [{ kind: 'reject' as const, reason: 'no' }, { kind: 'session' as const }, { kind: 'once' as const }];
  let asked = 0;
  const approvals = new Approvals(async () => answers[asked++] ?? { kind: 'once' });
  assert.deepEqual(await approvals.decide(request, signal), { granted: false, reason: 'no' });
  await approvals.decide(request, signal);
  approvals.clear();
  await approvals.decide(request, signal);
  assert.equal(asked, 3);
});

test('"session" also answers what other calls of the same round ask about that tool, and only that', async () => {
  const answers = new Map<string, (answer: ApprovalAnswer) => void>();
  const approvals = new Approvals((asked, stop) => {
    const { promise, resolve, reject } = Promise.withResolvers<ApprovalAnswer>();
    stop.addEventListener('abort', () => reject(stop.reason as Error));
    answers.set(asked.callId, resolve);
    return promise;
  });
  const turn = new AbortController();
  const ask = (callId: string, tool = 't') => approvals.decide({ ...request, callId, tool }, turn.signal);
  const [first, second, other] = [ask('1'), ask('2'), ask('3', 'q')];
  answers.get('1')?.({ kind: 'session' });
  assert.deepEqual(await first, { granted: true, how: 'session' });
  assert.deepEqual(await second, { granted: true, how: 'earlier' });
  turn.abort();
  await assert.rejects(other, { name: 'AbortError' });
});

test('an agent of the same name in another cluster is another agent', () => {
  const place = { kubeconfig: '/config', context: 'c', namespace: 'n', deployment: 'd' };
  const plan: ConnectionPlan = { mode: 'connected', ...place, answers: {} };
  assert.equal(sameAgent(plan, { ...plan, answers: { scope: 'api://x/y' } as ConnectionPlan['answers'] }), true);
  assert.equal(sameAgent(undefined, plan), false);
  for (const key of ['kubeconfig', 'context', 'namespace', 'deployment'] as const)
    assert.equal(sameAgent(plan, { ...plan, [key]: 'other' }), false, key);
  assert.equal(sameAgent(plan, { ...plan, mode: 'sandbox' }), false);
});
