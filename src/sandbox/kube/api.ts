import { randomUUID } from 'node:crypto';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Cluster } from './cluster.ts';
import type { Authenticator } from './credentials.ts';
import { podLog } from './logs.ts';
import { decodeReview, PROTOBUF } from './protobuf.ts';
import { refusal, targetOf, type Identity } from './rbac.ts';
import { getOne, listBody, Lister } from './read.ts';
import { parseRequest, type RequestInfo } from './requestInfo.ts';
import { discoveryDocument, findType, VERSION, type ResourceType } from './resources.ts';
import { accessReviewAnswer, rulesReviewAnswer } from './reviews.ts';
import * as status from './status.ts';
import { table, wantsTable } from './tables.ts';
import { issuerDocument } from '../issuer.ts';
import type { KubeObject, KubernetesOptions } from './types.ts';
import { watch } from './watch.ts';

const HEALTH = ['/healthz', '/livez', '/readyz'];
const MAX_BODY = 1024 * 1024;

/** The parts of a request that authentication and authorization look at; HTTP/1.1 and HTTP/2 alike. */
export interface Incoming {
  method?: string | undefined;
  url?: string | undefined;
  headers: { authorization?: string | undefined; accept?: string | undefined };
  socket: object;
}

/** Answers requests as kube-apiserver does, for the resources that it serves. */
export class Api {
  readonly #cluster: Cluster;
  readonly #authenticator: Authenticator;
  readonly #clock: { now(): number };
  readonly #lister: Lister;
  readonly #issuer: KubernetesOptions['issuer'];
  readonly #watches = new Set<() => void>();
  /** `127.0.0.1:port`, for the discovery document. */
  address = '';

  constructor(
    cluster: Cluster,
    authenticator: Authenticator,
    clock: { now(): number },
    issuer: KubernetesOptions['issuer'],
  ) {
    this.#issuer = issuer;
    this.#cluster = cluster;
    this.#authenticator = authenticator;
    this.#clock = clock;
    this.#lister = new Lister(cluster.store);
  }

  /** Who asks for what; throws the Status for 401 and for 403. */
  admit(request: Incoming): { identity: Identity; info: RequestInfo } {
    const identity = this.#authenticator.identify(request.headers.authorization, request.socket);
    if (!identity) throw status.unauthorized();
    const info = parseRequest(request.method ?? 'GET', request.url ?? '/');
    if (!this.#cluster.authorizer.decide(identity, info).allowed)
      throw status.forbidden(info.path === undefined ? targetOf(info) : undefined, refusal(identity, info));
    return { identity, info };
  }

  async handle(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    response.setHeader('audit-id', randomUUID());
    response.setHeader('cache-control', 'no-cache, private');
    try {
      await this.#route(request, response);
    } catch (error) {
      if (response.headersSent) return void response.end();
      const failure =
        error instanceof status.StatusError
          ? error.status
          : new status.StatusError(500, 'InternalError', `Internal error occurred: ${String(error)}`).status;
      if (failure.code === 401) response.setHeader('www-authenticate', 'Bearer realm="kubernetes"');
      send(response, failure.code, failure);
    }
  }

  endWatches(): void {
    for (const end of [...this.#watches]) end();
  }

  async #route(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const { identity, info } = this.admit(request);
    if (info.path !== undefined) return this.#nonResource(info, response);
    const accept = request.headers.accept ?? '*/*';
    if (info.group === 'authorization.k8s.io') return this.#review(identity, info, request, response);
    const type = findType(info.group, info.version, info.resource);
    if (!type) throw status.noSuchResource();
    if (info.subresource) return this.#subresource(type, info, response);
    if (!/\*\/\*|application\/(json|\*)/.test(accept)) throw status.notAcceptable();
    const encode = (object: KubeObject) => (wantsTable(accept) ? this.#table(type, [object], {}) : object);
    if (info.verb === 'list') return this.#list(type, info, accept, response);
    if (info.verb === 'watch') return this.#watch(type, info, encode, response);
    if (info.verb === 'get') return send(response, 200, encode(getOne(this.#cluster.store, type, info)));
    if (info.verb === 'delete' && type.verbs.includes('delete'))
      return this.#deletePod(type, info, await readBody(request), response);
    throw status.methodNotAllowed();
  }

  #nonResource(info: RequestInfo, response: Http2ServerResponse): void {
    const path = info.path ?? '';
    if (info.verb !== 'get') throw status.methodNotAllowed();
    if (path === '/version') return send(response, 200, VERSION);
    if (HEALTH.includes(path)) return plain(response, 200, 'ok');
    if (path === '/.well-known/openid-configuration') return send(response, 200, issuerDocument(this.#issuer.named()));
    if (path === '/openid/v1/jwks') return send(response, 200, { keys: this.#issuer.keys });
    const document = discoveryDocument(path, this.address);
    if (document) return send(response, 200, document);
    plain(response, 404, '404 page not found\n');
  }

  async #review(
    identity: Identity,
    info: RequestInfo,
    request: Http2ServerRequest,
    response: Http2ServerResponse,
  ): Promise<void> {
    const answers: Record<string, typeof accessReviewAnswer | undefined> = {
      selfsubjectaccessreviews: accessReviewAnswer,
      selfsubjectrulesreviews: rulesReviewAnswer,
    };
    const answer = info.version === 'v1' ? answers[info.resource] : undefined;
    if (!answer) throw status.noSuchResource();
    if (info.verb !== 'create') throw status.methodNotAllowed();
    send(response, 201, answer(this.#cluster.authorizer, identity, await readBody(request)));
  }

  #subresource(type: ResourceType, info: RequestInfo, response: Http2ServerResponse): void {
    if (type.plural !== 'pods') throw status.noSuchResource();
    const object = getOne(this.#cluster.store, type, info);
    if (info.subresource === 'portforward') {
      if (info.verb !== 'get' && info.verb !== 'create') throw status.methodNotAllowed();
      throw status.badRequest('Upgrade request required');
    }
    if (info.subresource !== 'log') throw status.noSuchResource();
    if (info.verb !== 'get') throw status.methodNotAllowed();
    const pod = this.#cluster.controller.pod(info.namespace, info.name);
    if (!pod) throw status.notFound(targetOf(info));
    this.#keep(response, podLog(object, pod, info.query, response));
  }

  #list(type: ResourceType, info: RequestInfo, accept: string, response: Http2ServerResponse): void {
    const page = this.#lister.list(type, info);
    send(response, 200, wantsTable(accept) ? this.#table(type, page.objects, page.metadata) : listBody(type, page));
  }

  #watch(
    type: ResourceType,
    info: RequestInfo,
    encode: (object: KubeObject) => object,
    response: Http2ServerResponse,
  ): void {
    const head = () => {
      if (response.headersSent) return;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(''); // HTTP/1.1 holds headers back until there is something to write
    };
    const sink = {
      encode,
      write: (line: string) => {
        head();
        response.write(line);
      },
      end: () => void response.end(),
    };
    const end = watch(this.#cluster.store, type, info, sink);
    head(); // at once, and not with the first event
    this.#keep(response, end);
  }

  /** Remembers how to end a response that lasts, until it is over. */
  #keep(response: Http2ServerResponse, end: () => void): void {
    this.#watches.add(end);
    response.once('close', () => {
      this.#watches.delete(end);
      end();
    });
  }

  #deletePod(type: ResourceType, info: RequestInfo, body: unknown, response: Http2ServerResponse): void {
    const object = getOne(this.#cluster.store, type, info);
    const wanted = (body as { preconditions?: { uid?: unknown } } | undefined)?.preconditions?.uid;
    const uid = object.metadata.uid;
    if (typeof wanted === 'string' && wanted !== uid)
      throw status.conflict(
        targetOf(info),
        `Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${uid}`,
      );
    const pod = this.#cluster.controller.pod(info.namespace, info.name);
    if (pod) this.#cluster.controller.deletePod(pod);
    send(response, 200, getOne(this.#cluster.store, type, info));
  }

  #table(type: ResourceType, objects: readonly KubeObject[], metadata: object): object {
    return table(type, objects, metadata, this.#clock.now());
  }
}

function send(response: Http2ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

function plain(response: Http2ServerResponse, code: number, text: string): void {
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}

/** The body of a request; `undefined` for none, a 400 Status for what is neither JSON nor a review in protobuf. */
async function readBody(request: Http2ServerRequest): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_BODY) throw new status.StatusError(413, 'RequestEntityTooLarge', `limit is ${MAX_BODY}`);
  }
  if (length === 0) return undefined;
  const body = Buffer.concat(chunks);
  if (request.headers['content-type'] === PROTOBUF) return decodeReview(body);
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    throw status.badRequest('the body of the request was not JSON');
  }
}
