import { appendFile, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket, type ClientOptions } from 'ws';
import { parse } from 'yaml';
import { createCertificateAuthority } from '../../../src/sandbox/ca.ts';
import { startKubernetes } from '../../../src/sandbox/kube/kube.ts';
import type { Kubernetes } from '../../../src/sandbox/kube/types.ts';

export const K8S = join(import.meta.dirname, '../../../k8s');
export const DEVELOPER = 'ada@sandbox.example';
export const NAMESPACE = 'agent-id';
export const GATEWAY_FILE = 'gateways: { default: { port: 3000 } }\n';

/** One made-up value per variable of the manifests. */
export const VALUES = {
  NAMESPACE,
  TENANT_ID: '11111111-1111-4111-8111-111111111111',
  ENTRA_INSTANCE: 'https://login.example/',
  BLUEPRINT_APP_ID: '22222222-2222-4222-8222-222222222222',
  RESEARCH_AGENT_APP_ID: '33333333-3333-4333-8333-333333333333',
  INTERN_AGENT_APP_ID: '44444444-4444-4444-8444-444444444444',
  MCP_APP_ID: '55555555-5555-4555-8555-555555555555',
  LLM_DEPLOYMENT: 'demo',
  LLM_API_VERSION: '2024-10-21',
  AGENT_APP_IDS: "'33333333-3333-4333-8333-333333333333'",
  AZURE_OPENAI_HOST: 'example.openai.azure.com',
  SIDECAR_CONFIG_HASH: '1',
  GATEWAY_CONFIG_HASH: '2',
};

/** The developer may also get and watch: these tests are about the API server, and `agent-id-user` gives neither. */
const READER = `---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader }
rules:
  - { apiGroups: ["", apps], resources: [deployments, pods, services], verbs: [get, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: "\${DEVELOPER}" }]
`;

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The body as JSON. */
  json<T = Record<string, unknown>>(): T;
}

interface RequestOptions {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** `admin` uses the client certificate, `nobody` no credentials; else the developer's token. */
  as?: 'developer' | 'admin' | 'nobody';
}

interface KubeconfigShape {
  users: { user: { token?: string; 'client-certificate-data'?: string; 'client-key-data'?: string } }[];
}

/** A running cluster with a TCP backend per Deployment, and ways to talk to it. */
export class TestCluster {
  readonly kube: Kubernetes;
  readonly caPem: string;
  readonly #directory: string;
  readonly #backends: Backend[];

  private constructor(kube: Kubernetes, caPem: string, directory: string, backends: Backend[]) {
    this.kube = kube;
    this.caPem = caPem;
    this.#directory = directory;
    this.#backends = backends;
  }

  /** `serve` handles each connection to research-agent's port; the others echo. */
  static async start(serve: (socket: Socket) => void = echo): Promise<TestCluster> {
    const ca = await createCertificateAuthority();
    const directory = await mkdtemp(join(tmpdir(), 'agent-id-kube-test-'));
    const manifests = join(directory, 'k8s');
    await cp(K8S, manifests, { recursive: true });
    await appendFile(join(manifests, 'examples/role-binding.yaml'), READER);
    const [research, intern, gateway] = [
      await Backend.start(serve),
      await Backend.start(echo),
      await Backend.start(echo),
    ];
    const kube = await startKubernetes({
      issuer: { named: () => 'https://issuer.example', keys: [] },
      ca,
      directory,
      manifests,
      values: VALUES,
      gatewayConfigText: GATEWAY_FILE,
      ports: {
        sidecar: { 'research-agent': research.address, 'intern-agent': intern.address },
        gateway: gateway.address,
      },
      user: DEVELOPER,
      clock: { now: () => Date.now() },
    });
    return new TestCluster(kube, ca.pem, directory, [research, intern, gateway]);
  }

  /** The backend of research-agent. */
  get backend(): Backend {
    return this.#backends[0]!;
  }

  async credentials(): Promise<{ token: string; cert: string; key: string }> {
    const config = parse(await readFile(this.kube.kubeconfig, 'utf8')) as KubeconfigShape;
    const decode = (text = '') => Buffer.from(text, 'base64').toString();
    const [developer, admin] = config.users;
    return {
      token: developer?.user.token ?? '',
      cert: decode(admin?.user['client-certificate-data']),
      key: decode(admin?.user['client-key-data']),
    };
  }

  async request(path: string, options: RequestOptions = {}): Promise<Answer> {
    const { token, cert, key } = await this.credentials();
    const { as = 'developer' } = options;
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        `${this.kube.origin}${path}`,
        {
          method: options.method ?? 'GET',
          ca: this.caPem,
          agent: false,
          ...(as === 'admin' && { cert, key }),
          headers: {
            ...(as === 'developer' && { authorization: `Bearer ${token}` }),
            ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
            ...options.headers,
          },
        },
        response => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text,
              json: <T>() => JSON.parse(text) as T,
            });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  /** Name of the one pod of a Deployment that is not on its way out. */
  pod(deployment = 'research-agent'): string {
    const pod = this.kube.control.pods(deployment).find(each => !each.terminating);
    if (!pod) throw new Error(`${deployment} has no pod`);
    return pod.name;
  }

  podPath(pod = this.pod()): string {
    return `/api/v1/namespaces/${NAMESPACE}/pods/${pod}`;
  }

  /** Dials a port-forward; see `Forward`. */
  async forward(options: { ports?: string; protocols?: string[]; pod?: string } = {}): Promise<Forward> {
    const { ports = 'ports=5000', protocols = ['v4.channel.k8s.io'], pod } = options;
    const { token } = await this.credentials();
    const url = `${this.kube.origin.replace('https', 'wss')}${this.podPath(pod)}/portforward?${ports}`;
    const settings: ClientOptions = {
      ca: this.caPem,
      perMessageDeflate: false,
      headers: { authorization: `Bearer ${token}` },
    };
    return Forward.open(new WebSocket(url, protocols, settings));
  }

  async stop(): Promise<void> {
    await this.kube.close();
    for (const backend of this.#backends) await backend.close();
    await rm(this.#directory, { recursive: true });
  }
}

/** A TCP server in place of a container's process. */
export class Backend {
  readonly address: string;
  readonly sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(serve: (socket: Socket) => void): Promise<Backend> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const backend = new Backend(server);
    server.on('connection', socket => {
      backend.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => backend.sockets.delete(socket));
      serve(socket);
    });
    return backend;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise(resolve => this.#server.close(resolve));
  }
}

export function echo(socket: Socket): void {
  socket.pipe(socket);
}

/** How an upgrade that was refused was answered. */
export class Refused extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`${status} ${body}`);
    this.status = status;
    this.body = body;
  }
}

/** The client's end of a port-forward, with every message kept. */
export class Forward {
  readonly socket: WebSocket;
  readonly messages: Buffer[] = [];
  readonly closed: Promise<number>;
  #changed: (() => void) | undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      this.messages.push(data);
      this.#changed?.();
    });
    this.closed = new Promise(resolve => {
      socket.on('close', code => resolve(code));
    });
  }

  static open(socket: WebSocket): Promise<Forward> {
    const forward = new Forward(socket); // before it is open: frames can come with the 101
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(forward));
      socket.once('error', reject);
      socket.once('unexpected-response', (request, response) => {
        let body = '';
        response.on('data', chunk => (body += String(chunk)));
        response.on('end', () => reject(new Refused(response.statusCode ?? 0, body)));
        response.on('error', reject);
        request.on('error', () => {});
      });
    }).then(result => {
      socket.on('error', () => {});
      return result as Forward;
    });
  }

  /** All bytes on a channel after its two header bytes. */
  data(channel: number): Buffer {
    const own = this.messages.filter(message => message[0] === channel).map(message => message.subarray(1));
    return Buffer.concat(own).subarray(2);
  }

  /** Number of bytes on a channel after its two header bytes: cheap, for large bodies. */
  size(channel: number): number {
    return this.messages.reduce((sum, each) => sum + (each[0] === channel ? each.length - 1 : 0), -2);
  }

  text(channel: number): string {
    return this.data(channel).toString();
  }

  send(channel: number, data: string | Buffer): void {
    this.socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(data)]));
  }

  /** Waits until something holds, checking at each message; gives up after 20 s. */
  async until(holds: () => boolean): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!holds()) {
      if (Date.now() > deadline) throw new Error('waited in vain');
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 50);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/** Polls until something holds; gives up after 20 s. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
