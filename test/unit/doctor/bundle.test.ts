import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { supportBundle, type BundleParts } from '../../../src/doctor/bundle.ts';
import type { CheckId, CheckState } from '../../../src/doctor/report.ts';
import { findSecrets } from '../../../src/doctor/secrets.ts';

const JWT = `eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhcGk6Ly94In0.${'c2lnbmF0dXJl'.repeat(8)}`;
const nothing = { findings: [], remarks: [] };

function partsWith(text: string): BundleParts {
  const error = new AgentIdError('cluster.badResponse', { server: 'https://api.example', reason: text });
  const report = new Map<CheckId, CheckState>([
    ['kubeconfig', { kind: 'passed', ms: 12.7, facts: [{ name: 'files', value: `/home/ana/${text}` }], ...nothing }],
    ['context', { kind: 'failed', ms: 3, error, facts: [], findings: [], remarks: [error] }],
    ['apiServer', { kind: 'failed', ms: 3, error: new Error(text), facts: [], ...nothing }],
    ['rbac', { kind: 'blocked', needs: ['context'] }],
    ['signIn', { kind: 'passed', ms: 1, facts: [{ name: 'user', value: 'ana.smith@contoso.example' }], ...nothing }],
  ]);
  return {
    environment: { extension: '1.0.0', remote: text },
    settings: ['agentId.clientId'],
    report,
    subject: undefined,
    log: ['2026-01-01 info started', text, `error ${text} at the end`],
    secrets: [],
    home: '/home/ana',
    now: new Date(0),
  };
}

test('what helps is kept: verdicts with times, codes, what depends on what, identifiers', () => {
  const id = '7e02d9c4-1f6b-4b83-9a5d-3c8e7f160b29';
  const bundle = JSON.parse(supportBundle(partsWith(id))) as {
    checks: { check: string; state: string; ms?: number; needs?: string[]; error?: { code: string } }[];
    environment: Record<string, string>;
    log: string[];
  };
  const check = (name: string) => bundle.checks.find(each => each.check === name);
  assert.equal(bundle.checks.length, 21);
  assert.deepEqual([check('kubeconfig')?.state, check('kubeconfig')?.ms], ['passed', 13]);
  assert.equal(check('context')?.error?.code, 'cluster.badResponse');
  assert.deepEqual(check('rbac')?.needs, ['context']);
  assert.equal(bundle.environment['remote'], id);
  assert.ok(bundle.log.includes(id));
});

test('an error keeps its code, whatever its arguments are called', () => {
  const error = new AgentIdError('mcp.rejected', { server: 's', code: -32601, detail: 'd' });
  const failed: CheckState = { kind: 'failed', ms: 1, error, facts: [], findings: [], remarks: [] };
  const report = new Map([['mcp' as const, failed]]);
  const { checks } = JSON.parse(supportBundle({ ...partsWith('x'), report })) as {
    checks: { check: string; error?: { code: string; args: object } }[];
  };
  assert.deepEqual(checks.find(({ check }) => check === 'mcp')?.error, { code: 'mcp.rejected', args: error.args });
});

test('names of users and of the home directory are masked', () => {
  const bundle = supportBundle(partsWith('x'));
  assert.doesNotMatch(bundle, /ana/);
  assert.match(bundle, /‹user›@contoso\.example/);
  assert.match(bundle, /"files": "~\/x"/);
});

test('a piece of a token that is in memory, in whatever form, keeps the bundle closed', () => {
  const held = `opaque-${'zQ-w'.repeat(30)}`;
  const text = `"${held.slice(29, 53)}"`;
  assert.throws(
    () => supportBundle({ ...partsWith(text), secrets: [held] }),
    (error: unknown) => AgentIdError.is(error, 'doctor.bundleHoldsSecret') && error.args['kinds'] === 'known secret',
  );
  assert.deepEqual(findSecrets(JWT, [])[0], 'token');
  assert.deepEqual(findSecrets('research-agent-kjm7tqlhqm-b6lms of 7e02d9c4-1f6b-4b83-9a5d-3c8e7f160b29', []), []);
});
