import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import * as v from 'valibot';
import type { Dispatcher } from 'undici';
import type { Disposable } from '../base/disposable.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Access, CredentialSource, TlsSettings } from './credentials.ts';
import { connectionError, statusError, statusMessage, type KubeRequest } from './kubeErrors.ts';
import { loadUndici } from './libraries.ts';
import { openWebSocket } from './upgrade.ts';

/** The API server of one context, as one user. */
export interface KubeApi extends Disposable {
  readonly context: string;
  /** URL of the API server, without a trailing slash. */
  readonly server: string;
  /** Set where nothing proves that the server is the one of that name: its certificate is not checked, or there is none. */
  readonly unverified?: true;
  /**
   * Parsed JSON of a path such as `/api/v1/namespaces/x/pods?labelSelector=…`.
   * @throws cluster.unauthorized (after one renewal of the credentials), .forbidden, .notFound, .badResponse,
   * .unreachable, .tls, .closed, and what preparing credentials throws
   */
  get(path: string, signal?: AbortSignal): Promise<unknown>;
  /** Creates an object; errors as `get`. */
  post(path: string, body: unknown, signal?: AbortSignal): Promise<unknown>;
  /** Asks by SelfSubjectAccessReview whether we may do this; errors as `get`. */
  canI(
    attributes: { verb: string; resource: string; subresource?: string; namespace: string; group?: string },
    signal?: AbortSignal,
  ): Promise<boolean>;
  /**
   * Opens a WebSocket on the same connections as `get`; its first frames may already wait in the socket.
   * @throws as `get`, and tunnel.upgradeRefused
   */
  openWebSocket(path: string, protocol: string, signal?: AbortSignal): Promise<Duplex>;
  /**
   * New requests open new connections: those at hand may lead nowhere, which no packet says after a sleep of the machine.
   * What is under way stays where it is.
   */
  reconnect(): void;
  /** Settles when every connection is closed. */
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 30_000;
/** Below the idle limits of load balancers (AWS ELB 60 s, Azure 4 min) and of the API server itself. */
const KEEP_ALIVE_MS = 45_000;
const LARGEST_ANSWER = 32 * 1024 * 1024;

const reviewSchema = v.object({ status: v.object({ allowed: v.boolean() }) });

/** A `KubeApi` over one undici dispatcher, which is replaced only when the TLS material changes. */
export class HttpKubeApi implements KubeApi {
  readonly context: string;
  readonly server: string;
  readonly unverified?: true;
  readonly #origin: string;
  readonly #prefix: string;
  readonly #credentials: CredentialSource;
  readonly #proxy: URL | undefined;
  readonly #sockets = new Set<Duplex>();
  readonly #closing = new AbortController();
  #dispatcher: { key: string; value: Promise<Dispatcher> } | undefined;

  constructor(options: {
    context: string;
    server: string;
    unverified?: boolean;
    proxy?: URL;
    credentials: CredentialSource;
  }) {
    const url = new URL(options.server);
    this.context = options.context;
    this.server = options.server.replace(/\/+$/, '');
    if (options.unverified) this.unverified = true;
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(/\/+$/, '');
    this.#proxy = options.proxy;
    this.#credentials = options.credentials;
  }

  get(path: string, signal?: AbortSignal): Promise<unknown> {
    return this.#request('GET', path, undefined, signal);
  }

  post(path: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
    return this.#request('POST', path, body, signal);
  }

  async canI(
    {
      group = '',
      ...attributes
    }: { verb: string; resource: string; subresource?: string; namespace: string; group?: string },
    signal?: AbortSignal,
  ): Promise<boolean> {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const review = await this.post(
      path,
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { ...attributes, group } },
      },
      signal,
    );
    const parsed = v.safeParse(reviewSchema, review);
    if (!parsed.success)
      throw new AgentIdError('cluster.badResponse', {
        server: this.server,
        status: 201,
        reason: 'not an access review',
      });
    return parsed.output.status.allowed;
  }

  openWebSocket(path: string, protocol: string, signal?: AbortSignal): Promise<Duplex> {
    const what = this.#describe('get', path);
    return this.#withAccess(what, signal, async (dispatcher, access, inner) => {
      const request = { origin: this.#origin, path: this.#prefix + path, headers: access.headers, protocol };
      const result = await openWebSocket(dispatcher, request, inner);
      if (result.upgraded) {
        this.#sockets.add(result.socket);
        result.socket.once('close', () => this.#sockets.delete(result.socket));
        return result.socket;
      }
      // A refusal by RBAC carries a Status; one without comes from a proxy, or from a runtime that lacks the protocol.
      if (result.status === 401 || statusMessage(result.body) !== undefined)
        throw statusError(what, result.status, result.body);
      const { status, reason } = result;
      throw new AgentIdError('tunnel.upgradeRefused', { server: this.server, status, reason });
    });
  }

  reconnect(): void {
    void this.#dispatcher?.value.then(
      old => old.close(),
      () => {}, // it never came to be
    );
    this.#dispatcher = undefined;
  }

  dispose(): void {
    void this.close();
  }

  async close(): Promise<void> {
    const closed = new AgentIdError('cluster.closed', { server: this.server });
    this.#closing.abort(closed);
    for (const socket of this.#sockets) socket.destroy();
    await this.#dispatcher?.value.then(
      dispatcher => dispatcher.destroy(closed),
      () => {}, // it never came to be
    );
  }

  #describe(verb: string, path: string): KubeRequest {
    return { server: this.server, context: this.context, verb, path };
  }

  #request(method: 'GET' | 'POST', path: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
    const what = this.#describe(method === 'POST' ? 'create' : 'get', path);
    return this.#withAccess(what, signal, async (dispatcher, access, inner) => {
      const response = await dispatcher.request({
        origin: this.#origin,
        path: this.#prefix + path,
        method,
        headers: {
          ...access.headers,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: inner,
      });
      const text = await response.body.text();
      if (response.statusCode < 200 || response.statusCode > 299) throw statusError(what, response.statusCode, text);
      try {
        return JSON.parse(text) as unknown;
      } catch (error) {
        const args = { server: this.server, status: response.statusCode, reason: 'the answer is not JSON' };
        throw new AgentIdError('cluster.badResponse', args, { cause: error });
      }
    });
  }

  /** Runs `work` with fresh credentials; once more, with renewed ones, if the server does not accept them. */
  async #withAccess<T>(
    what: KubeRequest,
    signal: AbortSignal | undefined,
    work: (dispatcher: Dispatcher, access: Access, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const closing = this.#closing.signal;
    closing.throwIfAborted();
    const wanted = signal ? AbortSignal.any([closing, signal]) : closing;
    const attempt = async (access: Access) => {
      const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      try {
        return await work(await this.#open(access.tls), access, AbortSignal.any([wanted, timeout]));
      } catch (error) {
        wanted.throwIfAborted();
        if (timeout.aborted)
          throw new AgentIdError('cluster.unreachable', { server: what.server, reason: 'ETIMEDOUT' });
        throw connectionError(what.server, error);
      }
    };
    const access = await this.#credentials.get(wanted);
    try {
      return await attempt(access);
    } catch (error) {
      if (!AgentIdError.is(error, 'cluster.unauthorized')) throw error;
      return await attempt(await this.#credentials.renew(access, wanted));
    }
  }

  #open(tls: TlsSettings): Promise<Dispatcher> {
    const key = fingerprint(tls);
    if (this.#dispatcher?.key !== key) this.reconnect();
    this.#dispatcher ??= { key, value: createDispatcher(tls, this.#proxy) };
    return this.#dispatcher.value;
  }
}

function fingerprint(tls: TlsSettings): string {
  const hash = createHash('sha256');
  for (const part of [tls.ca, tls.cert, tls.key, tls.servername, String(tls.rejectUnauthorized)])
    for (const item of Array.isArray(part) ? part : [part ?? '']) hash.update(item).update('\0');
  return hash.digest('hex');
}

/** HTTP/1.1 only: a server that picks HTTP/2 can't be upgraded. The sockets are opened here, whatever the editor patches. */
async function createDispatcher(tls: TlsSettings, proxy: URL | undefined): Promise<Dispatcher> {
  const { Agent, ProxyAgent } = await loadUndici();
  const shared = { allowH2: false, keepAliveTimeout: KEEP_ALIVE_MS, maxResponseSize: LARGEST_ANSWER };
  const connect = { ...tls, allowH2: false, timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000 };
  return proxy
    ? new ProxyAgent({ ...shared, uri: proxy.href, requestTls: connect, proxyTunnel: true })
    : new Agent({ ...shared, connect });
}
