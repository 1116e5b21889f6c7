import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import { test } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { loadUndici } from '../../../src/cluster/libraries.ts';
import { tunnelFetch } from '../../../src/cluster/tunnelFetch.ts';
import { failure } from './support/failure.ts';
import { until } from '../../support/until.ts';
import { Backend, withTunnel } from './support/world.ts';

const MIB = 1024 * 1024;
const BASE = 'http://gateway.invalid';

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const sha = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

/** Says what came in. */
const echo: RequestListener = (request, response) => {
  void read(request).then(body =>
    response.end(
      JSON.stringify({
        method: request.method,
        url: request.url,
        host: request.headers.host,
        type: request.headers['content-type'],
        length: request.headers['content-length'],
        authorization: request.headers.authorization,
        body: body.toString('latin1'),
      }),
    ),
  );
};

/** An event every 20 ms until the client leaves. */
const events: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let count = 0;
  const timer = setInterval(() => response.write(`data: ${count++}\n\n`), 20);
  response.once('close', () => clearInterval(timer));
};

test('a request goes through the tunnel with the Host that the sidecar insists on', async () => {
  await withTunnel(echo, async ({ tunnel, server }) => {
    const response = await tunnel.fetch(`${BASE}/healthz?x=1`, { headers: { host: 'evil.example' } });
    assert.ok(response instanceof Response);
    const seen = (await response.json()) as Record<string, unknown>;
    assert.equal(seen['host'], 'localhost:3000');
    assert.equal(seen['url'], '/healthz?x=1');
    assert.ok(server.requests.includes('GET /api/v1/namespaces/ns/pods?labelSelector=app%3Dgateway'));
    assert.ok(server.requests.includes('GET /api/v1/namespaces/ns/pods/pod-a/portforward?ports=3000'));
  });
});

test('every kind of body that the SDKs pass arrives', async () => {
  await withTunnel(echo, async ({ tunnel }) => {
    const send = async (body: RequestInit['body'], headers = {}) => {
      const response = await tunnel.fetch(BASE, {
        method: 'POST',
        body: body ?? null,
        headers,
        duplex: 'half',
      });
      return (await response.json()) as Record<string, string | undefined>;
    };
    const json = await send('{"a":"ä"}', { 'content-type': 'application/json', authorization: 'Bearer x' });
    assert.deepEqual(
      [json['body'], json['type'], json['length'], json['authorization']],
      [Buffer.from('{"a":"ä"}').toString('latin1'), 'application/json', '10', 'Bearer x'],
    );
    assert.equal((await send(new Uint8Array([1, 2, 250])))['body'], '\u0001\u0002\u00fa');
    assert.equal((await send(new TextEncoder().encode('abcdef').buffer.slice(1, 4)))['body'], 'bcd');
    const stream = await send(new Blob(['from', ' a ', 'stream']).stream());
    assert.deepEqual([stream['body'], stream['length']], ['from a stream', undefined]);
    const search = await send(new URLSearchParams({ a: '1 2' }));
    assert.deepEqual([search['body'], search['type']], ['a=1+2', 'application/x-www-form-urlencoded;charset=UTF-8']);
    const form = new FormData();
    form.set('field', 'value');
    const sent = await send(form);
    assert.match(sent['type'] ?? '', /^multipart\/form-data; boundary=/);
    assert.match(sent['body'] ?? '', /name="field"\r\n\r\nvalue/);
    const whole = new Request(`${BASE}/r`, { method: 'PUT', body: 'as a Request', headers: { 'x-y': 'z' } });
    const request = (await (await tunnel.fetch(whole)).json()) as Record<string, string>;
    assert.deepEqual([request['method'], request['url'], request['body']], ['PUT', '/r', 'as a Request']);
  });
});

test('no other origin can be reached, and a redirect is not followed', async () => {
  const redirect: RequestListener = (_request, response) =>
    response.writeHead(302, { location: 'http://evil.example/' }).end();
  await withTunnel(redirect, async ({ tunnel, server }) => {
    await until(() => tunnel.state.kind === 'ready', 'ready');
    const before = server.requests.length;
    for (const url of [
      'http://sidecar.invalid/',
      'https://gateway.invalid/',
      'http://gateway.invalid:8080/',
      'http://localhost:3000/',
    ])
      await assert.rejects(tunnel.fetch(url, { headers: { authorization: 'Bearer t' } }), (error: unknown) => {
        assert.ok(AgentIdError.is(error, 'tunnel.foreignOrigin'));
        assert.deepEqual(error.args, { origin: new URL(url).origin, expected: BASE });
        return true;
      });
    assert.equal(server.requests.length, before);
    const response = await tunnel.fetch(BASE, { redirect: 'follow' });
    assert.deepEqual([response.status, response.headers.get('location')], [302, 'http://evil.example/']);
  });
});

test('a stream arrives event by event, and an abort frees its tunnel at once', async () => {
  await withTunnel(events, async ({ tunnel, server }) => {
    await until(() => tunnel.state.kind === 'ready', 'ready');
    const aborts = [1, 2, 3, 4].map(() => new AbortController());
    const readers = await Promise.all(
      aborts.map(async ({ signal }) => {
        const response = await tunnel.fetch(`${BASE}/mcp`, { signal });
        const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
        const first = await reader.read();
        assert.match(Buffer.from(first.value ?? []).toString(), /^data: 0/);
        return reader;
      }),
    );
    await until(() => server.forwards.size === 5, 'four streams and a spare');
    const since = Date.now();
    const why = new Error('enough');
    for (const abort of aborts) abort.abort(why);
    for (const reader of readers) await assert.rejects(reader.read(), why);
    await until(() => server.forwards.size <= 1, 'the tunnels to be gone');
    assert.ok(Date.now() - since < 1_000);
    assert.equal((await tunnel.fetch(BASE, { signal: AbortSignal.timeout(2_000) })).status, 200);
  });
});

test('cancelling a body and aborting before the answer free the tunnel too', async () => {
  const slow: RequestListener = (request, response) => {
    if (request.url === '/never') return;
    events(request, response);
  };
  await withTunnel(slow, async ({ tunnel, server }) => {
    await until(() => tunnel.state.kind === 'ready', 'ready');
    const response = await tunnel.fetch(`${BASE}/events`);
    await response.body?.cancel();
    const abort = new AbortController();
    const pending = tunnel.fetch(`${BASE}/never`, { signal: abort.signal });
    await until(() => server.forwards.size >= 1, 'a tunnel');
    setTimeout(() => abort.abort(), 30);
    await assert.rejects(pending, { name: 'AbortError' });
    await assert.rejects(tunnel.fetch(BASE, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    await until(() => server.forwards.size <= 1, 'only the spare');
  });
});

test('64 requests at a time over 8 connections open 8 tunnels and the spare', async () => {
  const lazy: RequestListener = (_request, response) => void setTimeout(() => response.end('ok'), 15);
  await withTunnel(
    lazy,
    async ({ tunnel, server, backend }) => {
      const answers = await Promise.all(
        Array.from({ length: 64 }, () => tunnel.fetch(BASE).then(answer => answer.text())),
      );
      assert.deepEqual(new Set(answers), new Set(['ok']));
      assert.equal(backend.requests.length, 64);
      assert.ok(server.dials <= 10, `${server.dials} dials`); // 8, the first spare that one of them took, and its successor
    },
    { connections: 8 },
  );
});

test('8 MiB each way arrive unharmed, in frames of at most 256 KiB', async () => {
  const upload = randomBytes(8 * MIB);
  const download = randomBytes(8 * MIB);
  const listener: RequestListener = (request, response) => {
    void read(request).then(body => response.setHeader('x-sha', sha(body)).end(download));
  };
  await withTunnel(listener, async ({ tunnel, server }) => {
    const sizes: number[] = [];
    server.onForward = forward => {
      forward.ws.on('message', (message: Buffer) => sizes.push(message.length));
      server.forward(forward);
    };
    const response = await tunnel.fetch(BASE, { method: 'POST', body: upload });
    assert.equal(response.headers.get('x-sha'), sha(upload));
    assert.equal(sha(await response.bytes()), sha(download));
    assert.ok(Math.max(...sizes) <= 256 * 1024);
    const chunks = new ReadableStream({
      start(controller) {
        for (let at = 0; at < upload.length; at += MIB) controller.enqueue(upload.subarray(at, at + MIB));
        controller.close();
      },
    });
    const streamed = await tunnel.fetch(BASE, { method: 'POST', body: chunks, duplex: 'half' });
    assert.equal(streamed.headers.get('x-sha'), sha(upload));
    await streamed.body?.cancel();
  });
});

test('a reader that does not read stops the pod from sending', async () => {
  let sent = 0;
  const endless: RequestListener = (_request, response) => {
    const chunk = Buffer.alloc(256 * 1024);
    const fill = (): void => {
      while (sent < 300 * MIB && !response.destroyed) {
        sent += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', fill);
      }
    };
    fill();
  };
  await withTunnel(endless, async ({ tunnel }) => {
    const before = process.memoryUsage().rss;
    const response = await tunnel.fetch(BASE);
    const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    await reader.read();
    await new Promise(resolve => setTimeout(resolve, 700));
    const stalledAt = sent;
    await new Promise(resolve => setTimeout(resolve, 200));
    assert.equal(sent, stalledAt);
    assert.ok(sent < 48 * MIB, `${sent / MIB} MiB sent to nobody`);
    assert.ok(process.memoryUsage().rss - before < 96 * MIB);
    let got = 0;
    while (got < 2 * stalledAt) got += (await reader.read()).value?.length ?? 0; // and it goes on when somebody reads
    await reader.cancel();
  });
});

test('a pod that does not read stops the upload', async () => {
  await withTunnel(
    request => void request.pause(),
    async ({ tunnel, backend }) => {
      let pulled = 0;
      const body = new ReadableStream({
        pull(controller) {
          pulled += MIB;
          controller.enqueue(Buffer.alloc(MIB));
        },
      });
      const abort = new AbortController();
      const sending = tunnel.fetch(BASE, { method: 'POST', body, duplex: 'half', signal: abort.signal });
      await until(() => backend.requests.length === 1, 'the request');
      await new Promise(resolve => setTimeout(resolve, 700));
      const stalledAt = pulled;
      await new Promise(resolve => setTimeout(resolve, 200));
      assert.equal(pulled, stalledAt);
      assert.ok(pulled < 48 * MIB, `${pulled / MIB} MiB pulled`);
      abort.abort();
      await assert.rejects(sending, { name: 'AbortError' });
    },
  );
});

test('a body that ends with the connection arrives whole, however late it is read', async () => {
  const body = randomBytes(3 * MIB);
  const listener: RequestListener = (_request, response) => {
    response.socket?.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n');
    response.socket?.end(body);
  };
  await withTunnel(listener, async ({ tunnel, server }) => {
    server.linger = 20;
    for (const wait of [0, 50, 200]) {
      const response = await tunnel.fetch(BASE);
      await new Promise(resolve => setTimeout(resolve, wait));
      assert.equal(sha(await response.bytes()), sha(body));
    }
  });
});

test('what is not HTTP is called so', async () => {
  await withTunnel(
    () => {},
    async ({ tunnel, server }) => {
      server.onForward = ({ ws, port }) => {
        ws.send(Buffer.from([0, port & 0xff, port >> 8]));
        ws.send(Buffer.from([1, port & 0xff, port >> 8]));
        ws.on('message', () => ws.send(Buffer.from('\0SSH-2.0-OpenSSH_9.6\r\n')));
      };
      await assert.rejects(tunnel.fetch(BASE), (error: unknown) => AgentIdError.is(error, 'tunnel.notHttp'));
    },
  );
});

test('close ends what runs and leaves nothing open', async () => {
  await withTunnel(events, async ({ tunnel, server }) => {
    const response = await tunnel.fetch(BASE);
    const pending = tunnel.fetch(`${BASE}/2`).then(answer => answer.text());
    const rest = response.text();
    const ended = Promise.all([
      assert.rejects(rest, (error: unknown) => AgentIdError.is(error, 'tunnel.closed')),
      assert.rejects(pending, (error: unknown) => AgentIdError.is(error, 'tunnel.closed')),
    ]);
    await tunnel.close();
    await ended;
    assert.equal(tunnel.state.kind, 'idle');
    await until(() => server.forwards.size === 0, 'no tunnel left');
    await assert.rejects(tunnel.fetch(BASE), (error: unknown) => AgentIdError.is(error, 'tunnel.closed'));
  });
});

test('a pod that takes a request and never begins to answer is named, and not asked again', async () => {
  const backend = await Backend.start(() => {});
  const undici = await loadUndici();
  // undici's own clock, at a speed that a test can wait for; what it throws is what it throws after five minutes.
  const pool = new undici.Pool(`http://127.0.0.1:${backend.port}`, { headersTimeout: 100 });
  const link = { prepare: async () => {}, proved: () => assert.fail('it answered'), pauseBeforeRetry: () => 0 };
  const silent = tunnelFetch({ undici, pool, link, name: 'gateway', origin: BASE });
  try {
    await assert.rejects(silent(`${BASE}/slow`), failure('tunnel.timeout', { name: 'gateway', seconds: 300 }));
    assert.deepEqual(backend.requests, ['GET /slow']);
  } finally {
    await pool.destroy();
    await backend.close();
  }
});
