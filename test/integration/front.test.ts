import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { type Front, startFront } from '../../scripts/host/front.ts';

const TOKEN = 'a'.repeat(48);
const cookie = `other=1; vscode-tkn=${TOKEN}`;

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** fetch neither sends a Host of one's own nor leaves redirects and cookies alone, so this is a bare request. */
function ask(
  front: Front,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
) {
  return new Promise<Answer>((resolve, reject) => {
    const asking = request(new URL(path, front.origin), { method: options.method, headers: options.headers });
    asking.on('error', reject).on('response', response => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    asking.end(options.body);
  });
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

describe('the front of the VS Code server', () => {
  const seen: { url?: string; cookie?: string; host?: string; body: string }[] = [];
  const workbench = createServer((_request, response) => void response.end('the workbench'));
  const sockets = new WebSocketServer({ server: workbench });
  const local = createServer((incoming, response) => {
    let body = '';
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
    incoming.on('end', () => {
      seen.push({ url: incoming.url, cookie: incoming.headers.cookie, host: incoming.headers.host, body });
      if (incoming.url === '/start') response.writeHead(302, { location: '/login?x=1' });
      else if (incoming.url === '/away') response.writeHead(302, { location: 'https://login.example/x' });
      else response.writeHead(200, { 'set-cookie': 'session=1; Path=/', 'content-security-policy': 'script-src *' });
      response.end('a local page');
    });
  });
  let front: Front;
  let port: number;
  before(async () => {
    sockets.on('connection', socket => socket.on('message', data => socket.send(data)));
    front = await startFront({ port: await listening(workbench), token: TOKEN });
    port = await listening(local);
  });
  after(async () => {
    await front.close();
    for (const client of sockets.clients) client.terminate();
    for (const server of [workbench, local]) {
      server.closeAllConnections();
      server.close();
    }
  });

  test('passes pages and WebSockets on', async () => {
    assert.equal((await ask(front, '/')).body.toString(), 'the workbench');
    const socket = new WebSocket(front.origin.replace('http', 'ws'), { origin: front.origin });
    const echo = await new Promise<string>((resolve, reject) => {
      socket.on('error', reject).on('open', () => socket.send('hello'));
      socket.on('message', (data: Buffer) => resolve(data.toString()));
    });
    assert.equal(echo, 'hello');
    socket.close();
  });

  test('refuses a foreign host and a foreign origin', async () => {
    assert.equal((await ask(front, '/', { headers: { host: 'evil.example' } })).status, 403);
    assert.equal((await ask(front, '/', { headers: { origin: 'http://evil.example' } })).status, 403);
    const socket = new WebSocket(front.origin.replace('http', 'ws'), { origin: 'http://evil.example' });
    const refused = await new Promise<string>(resolve => socket.on('error', error => resolve(error.message)));
    assert.match(refused, /403/);
  });

  test('gives one key of 32 bytes for the whole run, to the workbench only', async () => {
    const key = () => ask(front, '/mint-key', { method: 'POST', headers: { cookie } });
    const first = await key();
    assert.equal(first.status, 200);
    assert.equal(first.body.length, 32);
    assert.deepEqual((await key()).body, first.body);
    assert.equal((await ask(front, '/mint-key', { method: 'POST' })).status, 403);
    const wrong = { cookie: `vscode-tkn=${'b'.repeat(48)}` };
    assert.equal((await ask(front, '/mint-key', { method: 'POST', headers: wrong })).status, 403);
    assert.equal((await ask(front, '/mint-key', { headers: { cookie } })).status, 405);
  });

  test('shows the page of a local port, without scripts and without the token', async () => {
    const page = await ask(front, `/proxy/${port}/page?a=1`, { method: 'POST', headers: { cookie }, body: 'code=1' });
    assert.equal(page.body.toString(), 'a local page');
    assert.deepEqual(seen.at(-1), { url: '/page?a=1', cookie: 'other=1', host: `127.0.0.1:${port}`, body: 'code=1' });
    assert.equal(page.headers['content-security-policy'], 'sandbox allow-forms allow-same-origin');
    assert.match(String(page.headers['set-cookie']), new RegExp(`session=1; Path=/proxy/${port}/`));
  });

  test('keeps redirects of a local page below its prefix, and leaves others alone', async () => {
    const start = await ask(front, `/proxy/${port}/start`, { headers: { cookie } });
    assert.equal(start.headers.location, `/proxy/${port}/login?x=1`);
    const away = await ask(front, `/proxy/${port}/away`, { headers: { cookie } });
    assert.equal(away.headers.location, 'https://login.example/x');
  });

  test('reaches no port without the token, and never itself or the server behind it', async () => {
    const count = seen.length;
    assert.equal((await ask(front, `/proxy/${port}/page`)).status, 403);
    assert.equal(seen.length, count);
    for (const own of [new URL(front.origin).port, (workbench.address() as AddressInfo).port])
      assert.equal((await ask(front, `/proxy/${own}/`, { headers: { cookie } })).status, 403);
  });

  test('says so when nobody answers at a port', async () => {
    const closed = createServer();
    const free = await listening(closed);
    await new Promise(resolve => closed.close(resolve));
    const answer = await ask(front, `/proxy/${free}/`, { headers: { cookie } });
    assert.equal(answer.status, 502);
    assert.match(answer.body.toString(), /no answer/);
  });
});
