import { credentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { glob, mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const IMAGE = 'local.test/pause:1';
const NAMESPACES = '/run/netns';
const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';
/** Of the name of an interface at most 15 characters count. */
const BRIDGE = `aid${process.pid}`;

type Call = (request: object, done: (error: Error | null, answer: Record<string, string>) => void) => void;

/** containerd's own streaming server, with one pod behind it. */
export interface Containerd {
  pid: number;
  /** A new address for one port-forward: `http://127.0.0.1:<port>/portforward/<token>`. */
  portForward(port: number): Promise<URL>;
  startApp(): Promise<void>;
  killApp(): Promise<void>;
  /** Ends everything that was started, and takes back what was changed. */
  stop(): Promise<void>;
}

/** Starts containerd from the Debian package in a directory of its own, and one pod. Needs root. */
export async function startContainerd(): Promise<Containerd> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'agent-id-cri-'));
  const undo: (() => Promise<unknown>)[] = [() => rm(scratch, { recursive: true, force: true })];
  const stop = async () => {
    for (const step of undo.splice(0).toReversed()) await step().catch((error: unknown) => console.error(error));
  };
  try {
    const forwarding = await readFile(IP_FORWARD, 'utf8');
    undo.push(() => writeFile(IP_FORWARD, forwarding));
    undo.push(await sweep());
    undo.push(async () => {
      if (existsSync(`/sys/class/net/${BRIDGE}`)) await run('ip', ['link', 'del', BRIDGE]);
    });
    const socket = path.join(scratch, 'containerd.sock');
    await writeFile(path.join(scratch, 'config.toml'), configOf(scratch, socket));
    await writeNetwork(scratch);
    const daemon = spawn('containerd', ['-c', path.join(scratch, 'config.toml')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    daemon.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-20_000)));
    undo.push(() => end(daemon));
    for (let tries = 0; !existsSync(socket); tries++) {
      if (tries > 300 || daemon.exitCode !== null) throw new Error(`containerd did not start.\n${said}`);
      await sleep(100);
    }
    await importPause(scratch, socket);

    const client = runtimeAt(socket);
    undo.push(async () => client.close());
    const call = (method: string, request: object) =>
      new Promise<Record<string, string>>((resolve, reject) => {
        const send = Reflect.get(client, method) as Call;
        send.call(client, request, (error, answer) => (error ? reject(error) : resolve(answer)));
      });
    const before = new Set(await readdir(NAMESPACES).catch(() => []));
    const metadata = { name: 'pod', uid: 'uid-1', namespace: 'ns', attempt: 0 };
    const config = { metadata, hostname: 'pod', log_directory: scratch };
    const { pod_sandbox_id: id = '' } = await call('RunPodSandbox', { config }).catch((error: unknown) => {
      throw new Error(`The pod did not start: ${String(error)}\n${said}`);
    });
    undo.push(async () => {
      await call('StopPodSandbox', { pod_sandbox_id: id });
      await call('RemovePodSandbox', { pod_sandbox_id: id });
    });
    const namespace = (await readdir(NAMESPACES)).find(name => name.startsWith('cni-') && !before.has(name));
    if (!namespace) throw new Error('The pod has no network namespace.');
    await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);

    let app: ChildProcess | undefined;
    const killApp = async () => {
      if (app) await end(app, 'SIGKILL');
      app = undefined;
    };
    undo.push(killApp);
    return {
      pid: daemon.pid ?? 0,
      portForward: async port =>
        new URL((await call('PortForward', { pod_sandbox_id: id, port: [port] }))['url'] ?? ''),
      async startApp() {
        app = spawn('ip', ['netns', 'exec', namespace, process.execPath, here('app.ts')], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        await once(app.stdout!, 'data');
      },
      killApp,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function runtimeAt(socket: string) {
  const definition = loadPackageDefinition(loadSync(here('cri.proto'), { keepCase: true })) as unknown as {
    runtime: { v1: { RuntimeService: ServiceClientConstructor } };
  };
  return new definition.runtime.v1.RuntimeService(`unix://${socket}`, credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
  });
}

/** What containerd, runc and the network plugins leave in the system, the deepest first: empty directories. */
const LEFT = [
  '/sys/fs/cgroup/*/k8s.io',
  '/run/containerd/runc/k8s.io',
  '/run/containerd/{runc,s}',
  '/run/containerd',
  '/var/lib/cni/{results,networks}',
  '/var/lib/cni',
];

/** Removes those of them that are not there yet, and are empty, when it is called. */
async function sweep(): Promise<() => Promise<void>> {
  const before = new Set(await Array.fromAsync(glob(LEFT)));
  return async () => {
    for (const pattern of LEFT)
      for await (const directory of glob(pattern)) if (!before.has(directory)) await rmdir(directory).catch(() => {});
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

function configOf(scratch: string, socket: string): string {
  return `version = 2
root = "${scratch}/root"
state = "${scratch}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${IMAGE}"
  # a container may lack the right to lower it, and runc dies of that
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${scratch}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`;
}

async function writeNetwork(scratch: string): Promise<void> {
  await mkdir(path.join(scratch, 'cni'));
  const ipam = { type: 'host-local', dataDir: `${scratch}/ipam`, ranges: [[{ subnet: '10.253.77.0/24' }]] };
  const plugins = [{ type: 'bridge', bridge: BRIDGE, isGateway: false, ipMasq: false, ipam }];
  await writeFile(
    path.join(scratch, 'cni', '10-pod.conflist'),
    JSON.stringify({ cniVersion: '0.4.0', name: 'pod', plugins }),
  );
}

/** Compiles the pause process and imports it as the only image, in the layout of the OCI image specification. */
async function importPause(scratch: string, socket: string): Promise<void> {
  const image = path.join(scratch, 'image');
  const blobs = path.join(image, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  await run('gcc', ['-static', '-O1', '-o', path.join(scratch, 'pause'), here('pause.c')]);
  await run('tar', ['cf', path.join(scratch, 'layer.tar'), '-C', scratch, 'pause']);
  const blob = async (content: Buffer, mediaType: string) => {
    const hash = createHash('sha256').update(content).digest('hex');
    await writeFile(path.join(blobs, hash), content);
    return { mediaType, digest: `sha256:${hash}`, size: content.length };
  };
  const json = (value: object) => Buffer.from(JSON.stringify(value));
  const type = (name: string) => `application/vnd.oci.image.${name}`;
  const layer = await blob(await readFile(path.join(scratch, 'layer.tar')), type('layer.v1.tar'));
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const rootfs = { type: 'layers', diff_ids: [layer.digest] };
  const config = await blob(
    json({ architecture, os: 'linux', config: { Entrypoint: ['/pause'] }, rootfs }),
    type('config.v1+json'),
  );
  const manifest = await blob(
    json({ schemaVersion: 2, mediaType: type('manifest.v1+json'), config, layers: [layer] }),
    type('manifest.v1+json'),
  );
  const annotations = { 'io.containerd.image.name': IMAGE };
  await writeFile(
    path.join(image, 'index.json'),
    json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  await writeFile(path.join(image, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  await run('tar', ['cf', path.join(scratch, 'image.tar'), '-C', image, '.']);
  await run('ctr', [
    '-a',
    socket,
    '-n',
    'k8s.io',
    'images',
    'import',
    '--snapshotter',
    'native',
    path.join(scratch, 'image.tar'),
  ]);
}
