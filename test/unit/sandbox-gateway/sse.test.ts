import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sseData, sseEvent } from '../../../src/sandbox/gateway/mcp/sse.ts';

async function read(...chunks: (string | Buffer)[]): Promise<string[]> {
  const source = (async function* () {
    yield* chunks;
  })();
  return Array.fromAsync(sseData(source));
}

it('reads events however they are cut and whatever ends their lines', async () => {
  assert.deepEqual(await read('data: a\n\nda', 'ta: b\n', '\n'), ['a', 'b']);
  assert.deepEqual(await read('data: a\r', '\n\r\ndata:b\r\n\r\n'), ['a', 'b']);
  assert.deepEqual(await read('data: a\rdata: b\r\rdata: c\n\n'), ['a\nb', 'c']);
  const bytes = Buffer.from('data: ü\n\n');
  assert.deepEqual(await read(bytes.subarray(0, 7), bytes.subarray(7)), ['ü']);
});

it('leaves out comments, other fields, empty events and one that never ended', async () => {
  assert.deepEqual(await read(': hi\nevent: x\nid: 1\nretry: 2\ndata\ndata:\n\n: ping\n\ndata: a\n\ndata: cut'), [
    '\n',
    'a',
  ]);
});

it('writes an event as the gateway does', () => {
  assert.equal(sseEvent({ a: 'x\ny' }), 'event: message\ndata: {"a":"x\\ny"}\n\n');
});
