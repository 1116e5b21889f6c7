import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Approvals, type ApprovalRequest } from '../../../src/agent/approvals.ts';

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
