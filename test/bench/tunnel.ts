import { KubeConfig, PortForward } from '@kubernetes/client-node';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { fetch as undiciFetch, Pool } from 'undici';
import { silentLogger } from '../../src/base/logger.ts';
import { HttpKubeApi } from '../../src/cluster/kubeApi.ts';
import { openTunnel } from '../../src/cluster/tunnel.ts';
import { fixedCredentials } from '../unit/cluster/support/world.ts';

const POD_PORT = 3000;
const CONNECTIONS = 8;
const LARGE = 40 * 1024 * 1024;

/** One way to the pod. */
interface Client {
  fetch(
    path: string,
    init?: { method?: string; headers?: Record<string, string>; body?: Uint8Array },
  ): Promise<Response>;
  close(): Promise<void>;
}

/** A line of the table. `ratio` is ours by the peer's, of the same run. */
export interface Row {
  name: string;
  unit: 'ms' | 'MiB/s';
  ours: number;
  peer: number;
  ratio: number;
}

type Measure = (client: Client) => Promise<number>;

const milliseconds = async (work: () => Promise<unknown>): Promise<number> => {
  const since = performance.now();
  await work();
  return performance.now() - since;
};
const get =
  (headers: Record<string, string>): Measure =>
  client =>
    milliseconds(async () => (await client.fetch('/', { headers })).text());
const throughput =
  (work: (client: Client) => Promise<unknown>): Measure =>
  async client =>
    LARGE / 1024 / 1024 / ((await milliseconds(() => work(client))) / 1000);

const upload = Buffer.alloc(LARGE, 'x');
const ROWS: { name: string; unit: Row['unit']; measure: Measure; times: number }[] = [
  { name: 'GET over a pooled connection, median', unit: 'ms', measure: get({}), times: 20 },
  { name: 'GET over a new connection, median', unit: 'ms', measure: get({ connection: 'close' }), times: 8 },
  { name: 'first event of a stream, median', unit: 'ms', measure: firstEvent, times: 5 },
  {
    name: 'download, 40 MiB',
    unit: 'MiB/s',
    measure: throughput(async client => (await client.fetch('/large')).arrayBuffer()),
    times: 1,
  },
  {
    name: 'upload, 40 MiB',
    unit: 'MiB/s',
    measure: throughput(async client => (await client.fetch('/', { method: 'POST', body: upload })).text()),
    times: 1,
  },
];

async function firstEvent(client: Client): Promise<number> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const took = await milliseconds(async () => {
    reader = (await client.fetch('/events')).body?.getReader();
    await reader?.read();
  });
  await reader?.cancel();
  return took;
}

/** Ours: dialled in process, no port on this machine. */
async function ours(origin: string): Promise<Client> {
  const api = new HttpKubeApi({ context: 'bench', server: origin, credentials: fixedCredentials('bench') });
  const tunnel = await openTunnel({
    api,
    name: 'gateway',
    namespace: 'ns',
    selector: { app: 'pod' },
    port: POD_PORT,
    connections: CONNECTIONS,
    logger: silentLogger,
  });
  return {
    fetch: (path, init) => tunnel.fetch(tunnel.origin + path, init),
    close: async () => {
      await tunnel.close();
      await api.close();
    },
  };
}

/**
 * The usual way: client-node's PortForward behind a local listener, as in its example; with the end of the tunnel passed
 * on to the local connection and without Nagle's delay, without which nothing could be measured.
 */
async function peer(origin: string): Promise<Client> {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: origin, skipTLSVerify: true }],
    users: [{ name: 'u', token: 'bench' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  const forward = new PortForward(config);
  const sockets = new Set<Socket>();
  const listener = createServer(socket => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    void forward.portForward('ns', 'pod-a', [POD_PORT], socket, null, socket).then(opened => {
      const webSocket = typeof opened === 'function' ? opened() : opened;
      webSocket?.addEventListener('close', () => socket.end());
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const local = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const pool = new Pool(local, { connections: CONNECTIONS, pipelining: 1, allowH2: false, bodyTimeout: 0 });
  return {
    fetch: (path, init) => undiciFetch(local + path, { ...init, dispatcher: pool }),
    close: async () => {
      await pool.destroy();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>(resolve => listener.close(() => resolve()));
    },
  };
}

/** Both ways to the same pod in turns, so that a busy machine slows both. `rounds` decides how much a row is worth. */
export async function benchTunnel(rounds: number): Promise<Row[]> {
  const far = fork(fileURLToPath(new URL('server.ts', import.meta.url)), {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const [line] = (await once(far.stdout!, 'data')) as [Buffer];
  const origin = line.toString().trim();
  const clients = { ours: await ours(origin), peer: await peer(origin) };
  try {
    const rows: Row[] = [];
    for (const { name, unit, measure, times } of ROWS) {
      const seen: Record<keyof typeof clients, number[]> = { ours: [], peer: [] };
      for (const which of ['ours', 'peer'] as const) await measure(clients[which]); // warm
      for (let round = 0; round < rounds; round++)
        for (const which of round % 2 ? (['ours', 'peer'] as const) : (['peer', 'ours'] as const))
          for (let time = 0; time < times; time++) seen[which].push(await measure(clients[which]));
      const [own, other] = [median(seen.ours), median(seen.peer)];
      rows.push({ name, unit, ours: own, peer: other, ratio: own / other });
    }
    return rows;
  } finally {
    await clients.ours.close();
    await clients.peer.close();
    far.disconnect();
  }
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
