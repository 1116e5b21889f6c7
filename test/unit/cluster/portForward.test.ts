import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dialPod } from '../../../src/cluster/dialPod.ts';
import { HttpKubeApi } from '../../../src/cluster/kubeApi.ts';
import type { PortForwardStream } from '../../../src/cluster/portForward.ts';
import { failure } from './support/failure.ts';
import { FakeApiServer, refuse, sendHeaders, type Forward } from './support/fakeApiServer.ts';
import { until } from '../../support/until.ts';
import { fixedCredentials } from './support/world.ts';

const TARGET = { namespace: 'ns', pod: 'pod-a', port: 5000 }; // 0x1388
const PORT = '\u0088\u0013';

interface Setup {
  server: FakeApiServer;
  dial: (signal?: AbortSignal, heartbeatMs?: number) => Promise<PortForwardStream>;
}

async function withServer(
  prepare: (server: FakeApiServer) => void,
  work: (setup: Setup) => Promise<void>,
): Promise<void> {
  const server = await FakeApiServer.start();
  prepare(server);
  const api = new HttpKubeApi({ context: 'c', server: server.origin, credentials: fixedCredentials('x') });
  const streams: PortForwardStream[] = [];
  try {
    await work({
      server,
      async dial(signal, heartbeatMs = 60_000) {
        const stream = await dialPod(api, TARGET, { ...(signal ? { signal } : {}), heartbeatMs });
        streams.push(stream);
        return stream;
      },
    });
  } finally {
    for (const stream of streams) stream.destroy();
    await api.close();
    await server.close();
  }
}

/** A server that writes raw bytes: the 101 and whatever follows, in one packet. */
function raw(...frames: (string | Buffer)[]) {
  return (server: FakeApiServer): void => {
    server.onUpgrade = (request, socket) => {
      socket.write(Buffer.concat([accept(request), ...frames.map(frame => Buffer.from(frame as string, 'latin1'))]));
    };
  };
}

function accept(request: IncomingMessage, changes: Record<string, string | undefined> = {}): Buffer {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const headers = {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-accept': createHash('sha1').update(key).digest('base64'),
    'sec-websocket-protocol': 'v4.channel.k8s.io',
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return Buffer.from(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
}

/** A binary message of the server. */
function message(text: string, first = 0x82): Buffer {
  return Buffer.concat([Buffer.from([first, text.length]), Buffer.from(text, 'latin1')]);
}

const HEADERS = [message(`\0${PORT}`), message(`\u0001${PORT}`)];
const CLOSE = Buffer.from([0x88, 2, 0x03, 0xe8]);

async function text(stream: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

test('frames that share a packet with the 101 are not lost', async () => {
  await withServer(raw(...HEADERS, message('\0first'), message('\0 second'), CLOSE), async ({ dial, server }) => {
    const stream = await dial();
    assert.equal(await text(stream), 'first second');
    assert.equal(await stream.ended, undefined);
    const offered = server.headers.at(-1);
    assert.equal(offered?.['sec-websocket-protocol'], 'v4.channel.k8s.io');
    assert.equal(offered?.['sec-websocket-extensions'], undefined);
    assert.equal(offered?.authorization, 'Bearer x');
  });
});

test('the port comes in whatever frames it likes, with data right behind it', async () => {
  const shapes = [
    [message('\0\u0088'), message('\u0001\u0088'), message('\0\u0013data'), message('\u0001\u0013')],
    [message(`\0${PORT}data`), message(`\u0001${PORT}`)],
    [message('\0', 0x02), message('\u0088', 0x00), message('\u0013', 0x80), HEADERS[1] as Buffer, message('\0data')],
    [message('', 0x82), ...HEADERS, message('', 0x02), message('', 0x00), message('\0data', 0x80)],
  ];
  for (const frames of shapes)
    await withServer(raw(...frames, CLOSE), async ({ dial }) => assert.equal(await text(await dial()), 'data'));
});

test('the dial waits for both headers', async () => {
  await withServer(
    server =>
      (server.onForward = ({ ws }) => {
        ws.send(Buffer.from(`\0${PORT}`, 'latin1'));
        setTimeout(() => ws.send(Buffer.from(`\u0001${PORT}`, 'latin1')), 120);
      }),
    async ({ dial }) => {
      const since = Date.now();
      await dial();
      assert.ok(Date.now() - since >= 100);
    },
  );
});

test('a message in fragments keeps its channel, with a ping between them that is answered', async () => {
  const ping = Buffer.from([0x89, 3, 1, 2, 3]);
  await withServer(
    server => {
      server.onUpgrade = (request, socket) => {
        socket.write(
          Buffer.concat([
            accept(request),
            ...HEADERS,
            message('\0a', 0x02),
            ping,
            message('b', 0x00),
            message('c', 0x80),
          ]),
        );
        socket.once('data', (answer: Buffer) => {
          assert.equal(answer[0], 0x8a);
          const mask = answer.subarray(2, 6);
          assert.deepEqual(
            [...answer.subarray(6, 9)].map((byte, index) => byte ^ (mask[index] ?? 0)),
            [1, 2, 3],
          );
          socket.write(CLOSE);
        });
      };
    },
    async ({ dial }) => assert.equal(await text(await dial()), 'abc'),
  );
});

test('the far end breaking the protocol ends the tunnel with a reason', async () => {
  const cases: [RegExp, Buffer[]][] = [
    [/port 5001/, [message('\0\u0089\u0013')]],
    [/unknown channel 2/, [...HEADERS, message('\u0002x')]],
    [/unexpected opcode 1/, [...HEADERS, message('\0x', 0x81)]],
    [/masked/, [...HEADERS, Buffer.from([0x82, 0x80, 0, 0, 0, 0])]],
  ];
  for (const [reason, frames] of cases)
    await withServer(raw(...frames), async ({ dial }) => {
      const failed = dial().then(async stream => {
        const error = await stream.ended;
        throw error as Error;
      });
      await assert.rejects(failed, failure('tunnel.protocol', { reason, pod: 'pod-a' }));
    });
});

test('a handshake that is not ours is refused', async () => {
  const cases: [RegExp, Record<string, string | undefined>][] = [
    [/not for our handshake/, { 'sec-websocket-accept': 'bm90IG91cnM=' }],
    [/does not speak/, { 'sec-websocket-protocol': undefined }],
    [/does not speak/, { 'sec-websocket-protocol': 'v5.channel.k8s.io' }],
    [/extension/, { 'sec-websocket-extensions': 'permessage-deflate' }],
    [/something else/, { upgrade: 'SPDY/3.1' }],
  ];
  for (const [reason, changes] of cases)
    await withServer(
      server => (server.onUpgrade = (request, socket) => socket.write(accept(request, changes))),
      async ({ dial }) => assert.rejects(dial(), failure('tunnel.upgradeRefused', { status: 101, reason })),
    );
});

test('a refusal keeps its status and its sentence', async () => {
  const notFound = { kind: 'Status', message: 'pods "pod-a" not found', code: 404 };
  const cases: [(error: unknown) => true, (socket: Duplex) => void][] = [
    [
      failure('cluster.notFound', { reason: 'pods "pod-a" not found' }),
      socket => refuse(socket, 404, 'Not Found', notFound),
    ],
    [failure('tunnel.upgradeRefused', { status: 404 }), socket => refuse(socket, 404, 'Not Found')],
    [failure('tunnel.upgradeRefused', { status: 403 }), socket => refuse(socket, 403, 'Forbidden')],
    [
      failure('cluster.forbidden', { verb: 'get', resource: 'pods/portforward', namespace: 'ns', reason: 'no' }),
      socket => refuse(socket, 403, 'Forbidden', { kind: 'Status', message: 'no' }),
    ],
    [
      failure('cluster.badResponse', { status: 500, reason: 'error dialing backend' }),
      socket => refuse(socket, 500, 'Internal Server Error', { kind: 'Status', message: 'error dialing backend' }),
    ],
    [failure('cluster.unreachable', {}), socket => socket.destroy()],
  ];
  for (const [expected, reply] of cases)
    await withServer(
      server => (server.onUpgrade = (_request, socket) => reply(socket)),
      async ({ dial }) => assert.rejects(dial(), expected),
    );
});

test('a refusal without a reason, as 1.35 gives it for a missing create, is looked into', async () => {
  const bare = { kind: 'Status', message: 'pods "pod-a" is forbidden: ', code: 403 };
  const allowed = new Set(['get']);
  await withServer(
    server => {
      server.onUpgrade = (_request, socket) => refuse(socket, 403, 'Forbidden', bare);
      server.routes.set('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', (_request, response, body) => {
        const { spec } = JSON.parse(body) as { spec: { resourceAttributes: { verb: string; subresource: string } } };
        assert.equal(spec.resourceAttributes.subresource, 'portforward');
        FakeApiServer.json(response, 201, { status: { allowed: allowed.has(spec.resourceAttributes.verb) } });
      });
    },
    async ({ dial }) => {
      await assert.rejects(dial(), failure('cluster.forbidden', { verb: 'create', resource: 'pods/portforward' }));
      allowed.add('create');
      allowed.delete('get');
      await assert.rejects(dial(), failure('cluster.forbidden', { verb: 'get' }));
    },
  );
});

test('an error text after a successful dial is the error of the stream, behind the data that came first', async () => {
  const refused = 'error forwarding port 5000 to pod x: dial tcp4 127.0.0.1:5000: connect: connection refused';
  await withServer(raw(...HEADERS, message('\0data'), message(`\u0001${refused}`), CLOSE), async ({ dial }) => {
    const stream = await dial();
    const chunks: string[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
    failure('tunnel.refused', { pod: 'pod-a', port: 5000, reason: /connection refused/ })(await stream.ended);
    const [error] = (await Promise.race([
      new Promise(resolve => stream.once('error', (...all: unknown[]) => resolve(all))),
      sleep(1_000, ['nothing']),
    ])) as unknown[];
    failure('tunnel.refused')(error);
    assert.deepEqual(chunks, ['data']);
  });
});

test('an error text in fragments is read to its end, and a token in it is not shown', async () => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
  await withServer(
    raw(...HEADERS, message('\u0001failed: ', 0x02), message(`bad ${token}`, 0x80), CLOSE),
    async ({ dial }) => {
      const error = await (await dial()).ended;
      failure('tunnel.podError', { reason: 'failed: bad ‹token›' })(error);
    },
  );
});

test('an end without a close frame, or with another code than 1000, is a loss', async () => {
  const goingAway = Buffer.from([0x88, 2, 0x03, 0xe9]);
  for (const [last, hangUp] of [
    [goingAway, false],
    [Buffer.alloc(0), true],
  ] as const)
    await withServer(
      server => {
        server.onUpgrade = (request, socket) => {
          socket.write(Buffer.concat([accept(request), ...HEADERS, message('\0partial'), last]));
          if (hangUp) setTimeout(() => socket.end(), 30);
        };
      },
      async ({ dial }) => {
        const stream = await dial();
        await assert.rejects(text(stream), failure('tunnel.lost', { pod: 'pod-a', port: 5000 }));
      },
    );
});

test('what is written after the far end has hung up says that it never left, unless something had', async () => {
  for (const [before, code] of [
    ['', 'tunnel.stale'],
    ['first', 'tunnel.lost'],
  ] as const)
    await withServer(
      server =>
        (server.onForward = ({ ws }) => {
          sendHeaders(ws, 5000);
          if (before) ws.once('message', () => ws.close(1000));
          else ws.close(1000);
        }),
      async ({ dial }) => {
        const stream = await dial();
        if (before) stream.write(before);
        await stream.ended;
        const error = await new Promise(resolve => stream.on('error', () => {}).write('x', resolve));
        failure(code, { pod: 'pod-a', port: 5000 })(error);
      },
    );
});

test('an end before the headers is a failed dial', async () => {
  for (const frames of [[CLOSE], [HEADERS[0] as Buffer, CLOSE]])
    await withServer(raw(...frames), async ({ dial }) =>
      assert.rejects(dial(), failure('tunnel.dialFailed', { port: 5000 })),
    );
  await withServer(
    server => (server.onUpgrade = (request, socket) => socket.end(accept(request))),
    async ({ dial }) => assert.rejects(dial(), failure('tunnel.dialFailed')),
  );
});

test('ending our side does not cost us the answer: the protocol has no half-close', async () => {
  await withServer(
    server =>
      (server.onForward = ({ ws }) => {
        sendHeaders(ws, 5000);
        ws.once('message', () =>
          setTimeout(() => {
            ws.send(Buffer.from('\0the answer'));
            ws.close(1000);
          }, 80),
        );
      }),
    async ({ dial }) => {
      const stream = await dial();
      stream.end('the question');
      assert.equal(await text(stream), 'the answer');
    },
  );
});

test('destroying a tunnel closes it properly, even one that was paused with data on the way', async () => {
  const codes: number[] = [];
  await withServer(
    server =>
      (server.onForward = ({ ws }) => {
        sendHeaders(ws, 5000);
        const flood = setInterval(() => ws.send(Buffer.alloc(64 * 1024)), 1);
        ws.once('close', code => {
          clearInterval(flood);
          codes.push(code);
        });
      }),
    async ({ dial, server }) => {
      const stream = await dial();
      await sleep(100);
      assert.ok(stream.readableLength >= 64 * 1024, 'paused by back-pressure');
      const since = Date.now();
      stream.destroy();
      await stream.released;
      assert.ok(Date.now() - since < 900, 'the answer to our close frame was read');
      await until(() => codes.length === 1 && server.forwards.size === 0, 'the close frame');
      assert.deepEqual(codes, [1000]);
      assert.equal(await stream.ended, undefined);
    },
  );
});

test('a far end that does not answer the close frame is hung up on', async () => {
  await withServer(
    server =>
      (server.onUpgrade = (request, socket) => {
        socket.write(Buffer.concat([accept(request), ...HEADERS]));
        socket.pause();
      }),
    async ({ dial }) => {
      const stream = await dial();
      stream.destroy();
      const since = Date.now();
      await stream.released;
      assert.ok(Date.now() - since < 3_000);
    },
  );
});

test('a dial can be aborted in each of its phases', async () => {
  const phases: ((server: FakeApiServer) => void)[] = [
    server => (server.onUpgrade = () => {}),
    server => (server.onForward = () => {}),
  ];
  for (const phase of phases)
    await withServer(phase, async ({ dial, server }) => {
      const abort = new AbortController();
      const reason = new Error('changed my mind');
      const dialling = dial(abort.signal);
      await until(() => server.requests.length === 1, 'the request');
      await sleep(30);
      abort.abort(reason);
      await assert.rejects(dialling, reason);
      await until(() => server.forwards.size === 0, 'nothing left open');
    });
  await withServer(
    () => {},
    async ({ dial }) => assert.rejects(dial(AbortSignal.abort()), { name: 'AbortError' }),
  );
});

test('pings go out only while idle, and none while data flows', async () => {
  let pings = 0;
  const forwards: Forward[] = [];
  await withServer(
    server =>
      (server.onForward = forward => {
        forwards.push(forward);
        forward.ws.on('ping', () => pings++);
        sendHeaders(forward.ws, 5000);
      }),
    async ({ dial }) => {
      const stream = await dial(undefined, 40);
      stream.resume();
      const flow = setInterval(() => forwards[0]?.ws.send(Buffer.from('\0x')), 10);
      await sleep(400);
      clearInterval(flow);
      assert.equal(pings, 0);
      await until(() => pings >= 3, 'pings');
      assert.ok(stream.alive);
    },
  );
});

test('the second tunnel goes over the same API connections: one upgrade, one connection', async () => {
  await withServer(
    server => (server.onForward = ({ ws }) => sendHeaders(ws, 5000)),
    async ({ dial, server }) => {
      await dial();
      await dial();
      assert.equal(server.dials, 2);
      assert.ok(server.connections <= 2);
    },
  );
});
