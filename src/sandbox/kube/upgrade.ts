import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Api } from './api.ts';
import type { Cluster } from './cluster.ts';
import { servePortForward } from './portforward.ts';
import { targetOf } from './rbac.ts';
import { badRequest, forbidden, noSuchResource, notFound, StatusError } from './status.ts';

/** Serves the upgrade of a connection to a port-forward, and keeps count of those that are open. */
export class Upgrades {
  readonly #api: Api;
  readonly #cluster: Cluster;
  readonly #open = new Set<Duplex>();
  #thaw: PromiseWithResolvers<void> | undefined;
  /** A proxy stands in front that lets no WebSocket through. */
  refused = false;

  constructor(api: Api, cluster: Cluster) {
    this.#api = api;
    this.#cluster = cluster;
  }

  get open(): Iterable<Duplex> {
    return this.#open;
  }

  get size(): number {
    return this.#open.size;
  }

  freeze(frozen: boolean): void {
    this.#thaw?.resolve();
    this.#thaw = frozen ? Promise.withResolvers<void>() : undefined;
  }

  async handle(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    stream.on('error', () => {}); // a client that went away; the close that follows ends the tunnel
    if (this.refused)
      return void stream.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    let tunnel;
    try {
      tunnel = this.#target(request);
    } catch (error) {
      return refuse(stream, error);
    }
    this.#open.add(stream);
    stream.once('close', () => this.#open.delete(stream));
    const gate = async () => this.#thaw?.promise;
    await servePortForward(request, stream, head, { ...tunnel, gate });
  }

  /** The pod and the ports that a request names, once it is admitted. */
  #target(request: IncomingMessage) {
    const { identity, info } = this.#api.admit(request);
    if (info.resource !== 'pods' || info.subresource !== 'portforward') throw noSuchResource();
    // From 1.35 a WebSocket, which is a GET, needs the right to create as well; the server then names no reason.
    if (!this.#cluster.authorizer.decide(identity, { ...info, verb: 'create' }).allowed)
      throw forbidden(targetOf(info), '');
    const pod = this.#cluster.controller.pod(info.namespace, info.name);
    if (!pod) throw notFound(targetOf(info));
    const ports = parsePorts(info.query.getAll('ports'));
    if (request.headers.upgrade?.toLowerCase() !== 'websocket')
      throw new StatusError(
        400,
        'BadRequest',
        'unable to upgrade: the sandbox serves port-forwarding over WebSocket only',
      );
    if (ports.length === 0) throw badRequest('query parameter "port" is required');
    const target = { id: pod.id, onStop: pod.onStop, address: (port: number) => this.#cluster.address(pod, port) };
    return { target, ports };
  }
}

function parsePorts(values: readonly string[]): number[] {
  return values
    .flatMap(value => value.split(','))
    .map(text => {
      if (!/^\d{1,5}$/.test(text) || Number(text) > 65535)
        throw badRequest(`cannot convert to []int32: strconv.ParseUint: parsing "${text}": invalid syntax`);
      if (Number(text) < 1) throw badRequest(`port "${text}" must be > 0`);
      return Number(text);
    });
}

function refuse(stream: Duplex, error: unknown): void {
  const { status } = error instanceof StatusError ? error : new StatusError(500, 'InternalError', String(error));
  const body = `${JSON.stringify(status)}\n`;
  stream.end(
    `HTTP/1.1 ${status.code} ${status.reason}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
