import { connect, type Socket } from 'node:net';
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { drained, negotiate, ServerWebSocket } from './websocket.ts';

/** The pod's end of a port-forward. */
export interface ForwardTarget {
  /** Id of the pod's sandbox in the runtime. */
  readonly id: string;
  /** Where the port really is; `undefined` when nothing listens on it. */
  address(port: number): string | undefined;
  /** Called when the pod's processes end. */
  readonly onStop: Set<() => void>;
}

const BINARY_PROTOCOL = 'v4.channel.k8s.io';
const BASE64_PROTOCOL = 'v4.base64.channel.k8s.io';

/** How long the runtime goes on after one direction has ended (containerd `sandbox_portforward_linux.go`). */
const LINGER_MS = 1000;
const COPY_SIZE = 32 * 1024; // of Go's io.Copy: no larger message leaves a runtime

/**
 * Serves `v4.channel.k8s.io` port-forwarding on an upgraded connection, as the streaming server of a container runtime
 * does (kubelet `cri/streaming/portforward/websocket.go`). Resolves when the connection is over.
 */
export async function servePortForward(
  request: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  options: { target: ForwardTarget; ports: readonly number[]; gate: () => Promise<void> },
): Promise<void> {
  const outcome = negotiate(request.headers, ['', BINARY_PROTOCOL, BASE64_PROTOCOL]);
  if ('refusal' in outcome) {
    stream.end(outcome.refusal);
    return;
  }
  stream.write(outcome.response);
  const socket = new ServerWebSocket(stream, head, options.gate);
  const codec = outcome.protocol === BASE64_PROTOCOL ? base64Codec : binaryCodec;
  const pairs = options.ports.map((port, index) => new Pair(socket, codec, index * 2, port, options.target));
  // Both headers go out before the pod's port is dialed: they prove the path, and not that anything listens.
  for (const pair of pairs) await pair.sendHeaders();
  const endOfInput = () => {
    for (const pair of pairs) pair.endOfInput();
  };
  stream.once('close', endOfInput);
  const forwarding = Promise.all(pairs.map(pair => pair.forward()));
  const reading = receive(socket, codec, pairs);
  await Promise.race([forwarding, reading]);
  socket.close(1000);
  endOfInput();
  await forwarding;
}

/** One loop for all channels: while one of them takes no data, no other gets any, and no ping is answered. */
async function receive(socket: ServerWebSocket, codec: Codec, pairs: readonly Pair[]): Promise<void> {
  for (;;) {
    const message = await socket.receive();
    if (!message) return;
    if (message.length === 0) continue;
    const { channel, data } = codec.decode(message);
    // Error channels are written by the server only: what comes in on them is dropped, as on unknown ones.
    if (channel % 2 === 0) await pairs[channel / 2]?.deliver(data);
  }
}

interface Codec {
  kind: 'binary' | 'text';
  encode(channel: number, data: Buffer): Buffer;
  decode(message: Buffer): { channel: number; data: Buffer };
}

const binaryCodec: Codec = {
  kind: 'binary',
  encode: (channel, data) => Buffer.concat([Buffer.from([channel]), data]),
  decode: message => ({ channel: message[0] ?? 0, data: message.subarray(1) }),
};

const base64Codec: Codec = {
  kind: 'text',
  encode: (channel, data) => Buffer.from(String(channel) + data.toString('base64')),
  decode: message => ({
    channel: (message[0] ?? 0) - 0x30,
    data: Buffer.from(message.toString('latin1', 1), 'base64'),
  }),
};

/** The data and error channels of one port, with the connection to the pod. */
class Pair {
  readonly #socket: ServerWebSocket;
  readonly #codec: Codec;
  readonly #channel: number;
  readonly #port: number;
  readonly #target: ForwardTarget;
  readonly #dialed = Promise.withResolvers<Socket | undefined>();
  readonly #inputEnded = Promise.withResolvers<Error | undefined>();
  #over = false;

  constructor(socket: ServerWebSocket, codec: Codec, channel: number, port: number, target: ForwardTarget) {
    this.#socket = socket;
    this.#codec = codec;
    this.#channel = channel;
    this.#port = port;
    this.#target = target;
  }

  async sendHeaders(): Promise<void> {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(this.#port);
    await this.#send(this.#channel, bytes);
    await this.#send(this.#channel + 1, bytes);
  }

  /** Runs until this port is done; an error goes to the client as text on the error channel. */
  async forward(): Promise<void> {
    const failure = await this.#run();
    this.#over = true;
    this.#dialed.resolve(undefined);
    if (failure === undefined) return;
    const text = `error forwarding port ${this.#port} to pod ${this.#target.id}, uid : ${failure}`;
    await this.#send(this.#channel + 1, Buffer.from(text));
  }

  /** Bytes from the client; resolves when the pod has taken them. What comes too late is lost, and nobody is told. */
  async deliver(data: Buffer): Promise<void> {
    const pod = await this.#dialed.promise;
    if (!pod || this.#over || pod.destroyed) return;
    if (!pod.write(data)) await drained(pod);
  }

  endOfInput(): void {
    this.#inputEnded.resolve(undefined);
  }

  async #run(): Promise<string | undefined> {
    const namespace = `/var/run/netns/cni-${randomUUID()}`;
    const within = `failed to execute portforward in network namespace "${namespace}": `;
    const pod = await dial(this.#target.address(this.#port));
    if (!pod) {
      const refused = (dial: string, host: string) => `dial ${dial} ${host}:${this.#port}: connect: connection refused`;
      const tries = `IPv4: ${refused('tcp4', '127.0.0.1')} IPv6 ${refused('tcp6', '[::1]')}`;
      return `${within}failed to connect to localhost:${this.#port} inside namespace "${this.#target.id}", ${tries}`;
    }
    const killed = Promise.withResolvers<undefined>();
    const onStop = () => {
      killed.resolve(undefined);
      pod.destroy();
    };
    this.#target.onStop.add(onStop);
    // A failed read ends the copying from the pod; the other direction learns of it only when it writes.
    pod.on('error', (error: NodeJS.ErrnoException) => {
      if (error.syscall === 'write') this.#inputEnded.resolve(error);
    });
    this.#dialed.resolve(pod);
    const output = Promise.race([this.#copyOut(pod), killed.promise]);
    const first = await Promise.race([output, this.#inputEnded.promise]);
    const both = Promise.all([output, this.#inputEnded.promise]);
    const second = await Promise.race([both, setTimeout(LINGER_MS, undefined, { ref: false })]);
    this.#target.onStop.delete(onStop);
    pod.destroy();
    const error = first ?? second?.find(each => each !== undefined);
    return error && `${within}${goStyle(error, this.#port)}`;
  }

  async #copyOut(pod: Socket): Promise<Error | undefined> {
    try {
      for await (const chunk of pod.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
        for (let start = 0; start < chunk.length; start += COPY_SIZE)
          if (!(await this.#send(this.#channel, chunk.subarray(start, start + COPY_SIZE)))) return undefined;
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #send(channel: number, data: Buffer): Promise<boolean> {
    return this.#socket.send(this.#codec.encode(channel, data), this.#codec.kind);
  }
}

function dial(address: string | undefined): Promise<Socket | undefined> {
  const [, host, port] = /^(.*):(\d+)$/.exec(address ?? '') ?? [];
  if (host === undefined) return Promise.resolve(undefined);
  return new Promise(resolve => {
    // Half-open: a pod that has sent its FIN can still be written to, as through a runtime.
    const socket = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
    socket.once('connect', () => {
      socket.off('error', refuse);
      resolve(socket);
    });
    const refuse = () => resolve(undefined);
    socket.once('error', refuse);
  });
}

/** The text of a broken connection as a Go program prints it. */
function goStyle(error: NodeJS.ErrnoException, port: number): string {
  const path = `tcp4 127.0.0.1:0->127.0.0.1:${port}`;
  return error.code === 'EPIPE' ? `write ${path}: write: broken pipe` : `read ${path}: read: connection reset by peer`;
}
