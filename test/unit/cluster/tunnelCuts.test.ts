import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AgentIdError } from '../../../src/base/errors.ts';
import { channel, type FakeApiServer } from './support/fakeApiServer.ts';
import { until } from '../../support/until.ts';
import { withTunnel } from './support/world.ts';

const BASE = 'http://gateway.invalid';
const ok: RequestListener = (_request, response) => response.end('ok');

/** A server's frame: final, binary, unmasked, short. */
const frame = (payload: Buffer) => Buffer.concat([Buffer.from([0x82, payload.length]), payload]);
const PORT = Buffer.from([3000 & 0xff, 3000 >> 8]);
const HEADERS = [frame(channel(0, PORT)), frame(channel(1, PORT))];
const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n');
const HEAD = frame(channel(0, ANSWER));
const BODY = frame(channel(0, Buffer.from('first')));
const CLOSE = Buffer.from([0x88, 2, 0x03, 0xe8]);
const FRAMES = Buffer.concat([...HEADERS, HEAD, BODY, CLOSE]);
/** From here on an answer has begun, and nothing may be repeated. */
const GREETING = HEADERS[0]!.length + HEADERS[1]!.length;
const ANSWERED = GREETING + HEAD.length;
const WHOLE = FRAMES.length - CLOSE.length;

/** Grants the next upgrade by hand and cuts it after `bytes` of its frames; what would be the answer waits for a request. */
function cutNext(server: FakeApiServer, bytes: number): void {
  server.onUpgrade = (request, socket: Duplex) => {
    server.onUpgrade = undefined;
    const key = request.headers['sec-websocket-key'] ?? '';
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n`;
    const greeting = Math.min(bytes, GREETING);
    socket.write(head);
    socket.write(FRAMES.subarray(0, greeting));
    if (bytes === greeting) return void setImmediate(() => socket.destroy());
    socket.once('data', () => {
      socket.write(FRAMES.subarray(greeting, bytes));
      setImmediate(() => socket.destroy());
    });
  };
}

test('a connection cut after any byte: a GET is answered, or its answer is said to be cut', async () => {
  await withTunnel(
    ok,
    async ({ tunnel, server }) => {
      const seen = new Set<string>();
      for (let bytes = 0; bytes <= FRAMES.length; bytes++) {
        assert.equal(await (await tunnel.fetch(BASE)).text(), 'ok', `after a cut at ${bytes - 1}`);
        await until(() => tunnel.state.kind === 'ready', 'ready');
        cutNext(server, bytes);
        server.cut();
        await until(() => tunnel.state.kind !== 'ready', 'the loss'); // a request on the lost connection would be the one repetition
        const result = await tunnel
          .fetch(BASE)
          .then(response => response.text())
          .catch((error: unknown) => (AgentIdError.is(error) ? error.code : String(error)));
        const expected = bytes < ANSWERED ? ['ok'] : bytes < WHOLE ? ['tunnel.interrupted', 'ok'] : ['first', 'ok'];
        assert.ok(expected.includes(result), `cut at ${bytes} of ${FRAMES.length}: ${result}`);
        server.onUpgrade = undefined;
        seen.add(result);
      }
      assert.deepEqual([...seen].sort(), ['first', 'ok', 'tunnel.interrupted']);
    },
    { connections: 1 },
  );
});

test('1000 connections leave nothing behind: no socket, no timer, no listener, no memory', async t => {
  const warnings: string[] = [];
  const warned = (warning: Error) => void warnings.push(warning.name);
  process.on('warning', warned); // MaxListenersExceededWarning, were listeners to pile up
  t.after(() => process.off('warning', warned));
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await withTunnel(
    ok,
    async ({ tunnel, server, backend }) => {
      const round = async (connections: number) => {
        for (let done = 0; done < connections; done += 20)
          await Promise.all(
            Array.from({ length: 20 }, async () =>
              assert.equal(await (await tunnel.fetch(BASE, { headers: { connection: 'close' } })).text(), 'ok'),
            ),
          );
        await until(() => server.forwards.size <= 1 && backend.sockets.size <= 1, 'all closed but the spare');
        collect();
        return {
          heap: process.memoryUsage().heapUsed / 1024 / 1024,
          timers: process.getActiveResourcesInfo().filter(name => name === 'Timeout').length,
          sockets: process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length,
        };
      };
      const before = await round(200);
      const dials = server.dials;
      const after = await round(1_000);
      assert.ok(server.dials - dials >= 1_000, `${server.dials - dials} connections`);
      // what undici and the server keep open between two rounds differs by a few
      assert.ok(after.timers <= before.timers + 5, `${before.timers} timers before, ${after.timers} after`);
      assert.ok(after.sockets <= before.sockets + 10, `${before.sockets} sockets before, ${after.sockets} after`);
      assert.ok(after.heap < before.heap + 8, `${before.heap.toFixed(1)} MiB before, ${after.heap.toFixed(1)} after`);
      assert.deepEqual(warnings, []);
    },
    { connections: 20 },
  );
});
