import type { OutgoingHttpHeaders } from 'node:http';
import type { RuleSet } from '../cel.ts';
import { GatewayError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import type { McpSpec } from '../schema.ts';
import { mcpErrors } from './errors.ts';
import {
  errorMessage,
  resultMessage,
  type ClientNotification,
  type ClientRequest,
  type JsonObject,
  type RequestId,
  type ServerMessage,
} from './jsonrpc.ts';
import {
  isListMethod,
  mergeEmpty,
  mergeInitialize,
  mergeList,
  ownRequestId,
  type Allowed,
  type Merge,
} from './merge.ts';
import type { Names } from './names.ts';
import type { Session } from './session.ts';
import { sseEvent } from './sse.ts';
import { SendFailure, type Target } from './target.ts';

interface Opened {
  target: Target;
  stream: AsyncIterable<ServerMessage>;
}

/** A failure inside a stream, as rmcp's client error words it. */
const streamError = (id: RequestId, detail: string) => errorMessage(id, -32603, `http request failed: ${detail}`);
const ENDED = 'upstream stream ended unexpectedly';

/** Carries one client message to the targets of its session, and their answers back as one event stream. */
export class Relay {
  readonly #spec: McpSpec;
  readonly #names: Names;
  readonly #rules: RuleSet | undefined;
  readonly #session: Session;
  readonly #exchange: Exchange;
  readonly #log: (line: string) => void;
  /** Ends the other upstream calls once the answer is complete. */
  readonly #done = new AbortController();
  readonly #signal: AbortSignal;

  constructor(options: {
    spec: McpSpec;
    names: Names;
    rules: RuleSet | undefined;
    session: Session;
    exchange: Exchange;
    log: (line: string) => void;
  }) {
    this.#spec = options.spec;
    this.#names = options.names;
    this.#rules = options.rules;
    this.#session = options.session;
    this.#exchange = options.exchange;
    this.#log = options.log;
    this.#signal = AbortSignal.any([options.exchange.signal, this.#done.signal]);
  }

  /** Asks every target and joins their introductions; `head` is called once their sessions are known. */
  initialize(request: ClientRequest, head: () => OutgoingHttpHeaders): Promise<void> {
    const capabilities = { ...(request.params.capabilities as JsonObject) };
    // No server can call this client back through the gateway.
    for (const name of ['roots', 'sampling', 'elicitation']) delete capabilities[name];
    const merge = mergeInitialize(this.#names, String(request.params.protocolVersion));
    return this.#fanOut({ ...request, params: { ...request.params, capabilities } }, merge, head);
  }

  /** Any other request of the client. */
  async request(request: ClientRequest): Promise<void> {
    const { method, params } = request;
    if (!request.wellFormed) throw new SendFailure(`invalid request: invalid params for method: ${method}`);
    if (isListMethod(method)) return this.#fanOut(request, mergeList(method, this.#names, this.#allowed));
    if (method === 'ping' || method === 'logging/setLevel') return this.#fanOut(request, mergeEmpty);
    if (method === 'completion/complete') return this.#complete(request);
    if (method.startsWith('resources/')) {
      const { target, uri } = this.#names.inwardUri(String(params.uri));
      const shown = method === 'resources/read' ? String(params.uri) : uri;
      this.#authorize('resource', target, uri, request.id, shown);
      return this.#single({ ...request, params: { ...params, uri } }, target);
    }
    const kind = method === 'tools/call' ? 'tool' : 'prompt';
    const { target, name } = await this.#resolve(kind, String(params.name));
    this.#authorize(kind, target, name, request.id, String(params.name));
    return this.#single({ ...request, params: { ...params, name } }, target);
  }

  /** Notifications go to every target, because nothing says for which one they are. */
  async notify(notification: ClientNotification): Promise<void> {
    const message = { jsonrpc: '2.0', method: notification.method, params: notification.params };
    await this.#each(target => target.notify(message, this.#exchange, this.#signal), 'notification');
    this.#exchange.reply(202, {});
  }

  /** Joins the targets' streams of unasked messages until the client leaves. */
  async events(): Promise<void> {
    let unsupported = 0;
    const streams = await this.#each(async target => {
      try {
        return { target, stream: await target.events(this.#exchange, this.#signal) };
      } catch (error) {
        if (!(error instanceof GatewayError && error.status === 405 && this.#names.multiplexing)) throw error;
        unsupported++;
        return undefined;
      }
    }, 'GET stream');
    const opened = streams.filter(entry => entry !== undefined);
    if (opened.length === 0 && unsupported > 0 && unsupported === this.#session.targets.length)
      throw mcpErrors.getStreamNotSupported();
    this.#open();
    if (opened.length === 0) return; // stays open and silent, or the client would reconnect in a tight loop
    await this.#join(opened, 0, undefined, undefined);
  }

  /** Ends the upstreams' sessions; nobody hears of a failure. */
  async delete(): Promise<void> {
    await Promise.allSettled(this.#session.targets.map(target => target.delete(this.#exchange, this.#signal)));
  }

  readonly #allowed: Allowed = (kind, target, name) =>
    this.#rules?.({ ...this.#exchange.celInput(), mcp: { [kind]: { target, name } } }) ?? true;

  #authorize(kind: 'tool' | 'prompt' | 'resource', target: string, name: string, id: RequestId, shown: string): void {
    this.#exchange.log.mcp = { ...this.#exchange.log.mcp, [kind]: { target, name } };
    if (!this.#allowed(kind, target, name)) throw mcpErrors.authorization(id, kind, shown);
  }

  async #complete(request: ClientRequest): Promise<void> {
    const ref = request.params.ref as JsonObject;
    const prompt = ref.type === 'ref/prompt' && typeof ref.name === 'string' ? ref.name : undefined;
    if (prompt !== undefined) {
      const { target, name } = await this.#resolve('prompt', prompt);
      this.#authorize('prompt', target, name, request.id, prompt);
      return this.#single({ ...request, params: { ...request.params, ref: { ...ref, name } } }, target);
    }
    if (typeof ref.uri !== 'string') throw new SendFailure('unsupported method: completion/complete');
    const { target, uri } = this.#names.inwardUri(ref.uri);
    this.#authorize('resource', target, uri, request.id, uri);
    return this.#single({ ...request, params: { ...request.params, ref: { ...ref, uri } } }, target);
  }

  async #resolve(kind: 'tool' | 'prompt', name: string): Promise<{ target: string; name: string }> {
    if (!this.#names.needsResolution) return this.#names.inward(name);
    const answers = await this.#each(
      async target => ((await this.#serves(target, kind, name)) ? target.name : undefined),
      `resolving ${kind}`,
    );
    const [owner, second] = answers.filter(answer => answer !== undefined);
    if (second !== undefined) throw new SendFailure(`invalid request: ${kind} ${name} is served by multiple targets`);
    if (owner === undefined) throw new SendFailure(`invalid request: unknown ${kind} ${name}`);
    return { target: owner, name };
  }

  async #serves(target: Target, kind: 'tool' | 'prompt', name: string): Promise<boolean> {
    let cursor: unknown;
    do {
      const params = cursor === undefined ? {} : { cursor };
      const message = { jsonrpc: '2.0', id: ownRequestId(), method: `${kind}s/list`, params };
      let page: JsonObject | undefined;
      for await (const answer of await target.request(message, this.#exchange, this.#signal)) {
        if (answer.kind === 'error' && answer.code === -32601) return false;
        if (answer.kind === 'error') throw new SendFailure(`invalid request: ${answer.message}`);
        if (answer.kind === 'other') continue;
        page = answer.result;
        break;
      }
      if (!page) throw new SendFailure('upstream closed on receive');
      const items = page[`${kind}s`];
      if (Array.isArray(items) && items.some(item => (item as JsonObject).name === name)) return true;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return false;
  }

  /**
   * Does the same with every target, all at once. A failure fails the whole where the file says failClosed; with
   * failOpen it is only logged, as long as one target is left.
   */
  async #each<T>(act: (target: Target) => Promise<T>, what: string): Promise<T[]> {
    const settled = await Promise.allSettled(this.#session.targets.map(act));
    const failures = settled.filter(outcome => outcome.status === 'rejected');
    const [first] = failures;
    if (first && this.#spec.failureMode === 'failClosed') throw first.reason as Error;
    for (const [index, outcome] of settled.entries()) {
      if (outcome.status === 'fulfilled') continue;
      const reason = outcome.reason instanceof Error ? outcome.reason.message : String(outcome.reason);
      this.#log(`upstream '${this.#session.targets[index]?.name}' failed during ${what}, skipping: ${reason}`);
    }
    return settled.filter(outcome => outcome.status === 'fulfilled').map(outcome => outcome.value);
  }

  async #fanOut(request: ClientRequest, merge: Merge, head: () => OutgoingHttpHeaders = () => ({})): Promise<void> {
    let last: unknown;
    const opened = await this.#each(async target => {
      try {
        return { target, stream: await target.request(wire(request), this.#exchange, this.#signal) };
      } catch (error) {
        last = error;
        throw error;
      }
    }, 'fanout');
    if (opened.length === 0) throw (last as Error | undefined) ?? new SendFailure('no upstreams available');
    this.#open(head());
    await this.#join(opened, request.id, request.method, merge);
  }

  async #single(request: ClientRequest, name: string): Promise<void> {
    const target = this.#session.targets.find(candidate => candidate.name === name);
    if (!target) throw new SendFailure(`invalid request: unknown service ${name}`);
    const stream = await target.request(wire(request), this.#exchange, this.#signal);
    this.#open();
    try {
      for await (const { raw } of stream) this.#write(this.#names.rewrite(name, request.method, raw));
    } catch (error) {
      this.#write(streamError(request.id, error instanceof Error ? error.message : String(error)));
    }
    this.#exchange.response.end();
  }

  /** Passes on what the streams bring; with `merge`, their results end as one. */
  async #join(opened: Opened[], id: RequestId, method: string | undefined, merge: Merge | undefined): Promise<void> {
    const results = new Map<Target, JsonObject>();
    let failure: JsonObject | undefined;
    let complete = false;
    const fail = (message: JsonObject) => {
      failure ??= message;
      if (this.#spec.failureMode === 'failOpen' || complete) return;
      complete = true;
      this.#write(message);
      this.#done.abort();
    };
    await Promise.all(
      opened.map(async ({ target, stream }) => {
        try {
          for await (const message of stream) {
            if (complete) return;
            if (message.kind === 'result') return void results.set(target, message.result);
            if (message.kind === 'error') return fail(message.raw);
            this.#write(this.#names.rewrite(target.name, method, message.raw));
          }
          fail(streamError(id, ENDED));
        } catch (error) {
          fail(streamError(id, error instanceof Error ? error.message : String(error)));
        }
      }),
    );
    if (merge && !complete) {
      const inOrder = opened.flatMap(({ target }) => {
        const result = results.get(target);
        return result ? [{ target: target.name, result }] : [];
      });
      this.#write(inOrder.length === 0 && failure ? failure : merged(id, merge, inOrder));
    }
    this.#exchange.response.end();
  }

  #open(headers: OutgoingHttpHeaders = {}): void {
    this.#exchange
      .head(200, { ...headers, 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
      .flushHeaders();
  }

  #write(message: JsonObject): void {
    if (!this.#exchange.signal.aborted) this.#exchange.response.write(sseEvent(message));
  }
}

const wire = ({ id, method, params }: ClientRequest): JsonObject => ({ jsonrpc: '2.0', id, method, params });

function merged(id: RequestId, merge: Merge, results: Parameters<Merge>[0]): JsonObject {
  try {
    return resultMessage(id, merge(results));
  } catch (error) {
    return streamError(id, error instanceof Error ? error.message : String(error));
  }
}
