import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { ReceiptLog, type Receipt } from '../../../src/agent/receipts.ts';

const receipt = (callId: string): Receipt => ({
  version: 1,
  time: '2026-01-01T00:00:00.000Z',
  callId,
  server: { id: 's', label: 'S', url: 'http://gateway.invalid/mcp' },
  tool: 't',
  approval: 'once',
  decision: 'ok',
  latencyMs: 1,
  traceparent: '00-0-0-01',
});

test('receipts are appended one per line, in order, for their owner only', async t => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'receipts-'));
  t.after(() => rm(directory, { recursive: true }));
  const log = new ReceiptLog(path.join(directory, 'deep'));
  await Promise.all(Array.from({ length: 50 }, (_, index) => log.append(receipt(String(index)))));
  const again = new ReceiptLog(path.join(directory, 'deep'));
  await again.append(receipt('50'));
  const lines = (await readFile(log.file, 'utf8')).trimEnd().split('\n');
  assert.deepEqual(
    lines.map(line => (JSON.parse(line) as Receipt).callId),
    Array.from({ length: 51 }, (_, index) => String(index)),
  );
  assert.equal((await stat(log.file)).mode & 0o777, 0o600);
});

test('a receipt that can not be written rejects, and later ones are still tried', async t => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'receipts-'));
  t.after(() => rm(directory, { recursive: true }));
  const log = new ReceiptLog(path.join(directory, 'receipts.jsonl', 'x'));
  await new ReceiptLog(directory).append(receipt('in the way'));
  await assert.rejects(log.append(receipt('1')));
  await assert.rejects(log.append(receipt('2')));
});
