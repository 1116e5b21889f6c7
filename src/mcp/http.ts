import { AsyncLocalStorage } from 'node:async_hooks';
import * as v from 'valibot';
import { AgentIdError } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import { readText } from '../gateway/body.ts';
import { newTokenMayHelp } from '../gateway/translate.ts';
import { parseJson } from '../identity/http.ts';
import { httpFailure, type FailedRequest } from './failures.ts';
import type { ServerSpec, TokenSource } from './types.ts';
import { watchBody } from './watch.ts';

/** Bytes of one answer, and of one event of the stream that stays open. */
const MAX_BODY = 16 * 1024 * 1024;
/** After the end of a body, how long the SDK may take to hand over what was in it, in milliseconds. */
const GRACE = 100;

/** One request on its way through the SDK, which passes on neither signal nor headers for a single request. */
export interface Exchange {
  signal: AbortSignal;
  traceparent?: string;
  settled: boolean;
  /** Ends the exchange with an error that the SDK would not have noticed. */
  fail(error: AgentIdError): void;
}

export interface McpHttp {
  fetch: Fetch;
  /** Runs SDK calls so that the requests they cause belong to the exchange. */
  run<T>(exchange: Exchange, work: () => Promise<T>): Promise<T>;
  readonly listener: ListenerState;
}

/** The stream on which the server speaks first (GET). */
export interface ListenerState {
  open: boolean;
  /** The server has none. */
  unsupported: boolean;
  /** When it was last tried, in milliseconds since the epoch. */
  triedAt: number;
}

const Message = v.object({ method: v.optional(v.string()), id: v.optional(v.union([v.string(), v.number()])) });

/**
 * The fetch under the SDK's transport. It adds the token (servers of the gateway only, and only towards their origin),
 * asked for anew with each request; replays a request once with a forced token after the gateway's 401; names every
 * failure; bounds every body; and notices an answer that never comes.
 */
export function createMcpHttp(options: {
  spec: ServerSpec;
  fetch: Fetch;
  token?: TokenSource;
  logger: Logger;
}): McpHttp {
  const { spec, logger } = options;
  const token = spec.kind === 'gateway' ? options.token : undefined;
  const origin = new URL(spec.url).origin;
  const exchanges = new AsyncLocalStorage<Exchange>();
  const listener: ListenerState = { open: false, unsupported: false, triedAt: 0 };

  async function send(url: URL, init: RequestInit, forceRefresh = false): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.delete('authorization');
    if (token && url.origin === origin) {
      const { signal } = init;
      headers.set(
        'authorization',
        `Bearer ${await token({ ...(signal && { signal }), ...(forceRefresh && { forceRefresh }) })}`,
      );
    }
    return options.fetch(url, { ...init, headers });
  }

  /** The answer to a request, or the error that its refusal stands for. */
  async function ask(url: URL, init: RequestInit, request: FailedRequest): Promise<Response> {
    for (const forceRefresh of [false, true]) {
      const response = await send(url, init, forceRefresh);
      // A redirect goes back to the SDK, which follows it within the origin.
      if (response.ok || (response.status >= 300 && response.status < 400)) return response;
      const failure = httpFailure(response, await readText(response), request);
      if (forceRefresh || !token || !newTokenMayHelp(failure)) throw failure;
      logger.info(`mcp: ${spec.label}: ${failure.code}, asking once more with a new token`);
    }
    throw new Error('unreachable');
  }

  async function post(url: URL, init: RequestInit): Promise<Response> {
    const parsed = v.safeParse(Message, typeof init.body === 'string' ? parseJson(init.body) : undefined);
    const { method, id } = parsed.success ? parsed.output : {};
    const session = new Headers(init.headers).has('mcp-session-id');
    if (method === undefined || id === undefined) {
      const response = await send(url, init);
      // An answer of ours (agentgateway v1.4.1 refuses one to a ping with 500) or a cancellation: nobody waits for more.
      const optional = method === undefined || method === 'notifications/cancelled';
      if (response.ok || !optional) return response;
      await response.body?.cancel();
      return new Response(null, { status: 202 });
    }
    const exchange = exchanges.getStore();
    const headers = new Headers(init.headers);
    if (exchange?.traceparent) headers.set('traceparent', exchange.traceparent);
    const signals = [init.signal, exchange?.signal].filter(signal => signal instanceof AbortSignal);
    const response = await ask(url, { ...init, headers, signal: AbortSignal.any(signals) }, { spec, method, session });
    if (!response.ok) return response;
    const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
    if (response.status === 202 || !['application/json', 'text/event-stream'].includes(type)) {
      await response.body?.cancel();
      throw new AgentIdError('mcp.notMcp', { server: spec.label, detail: `HTTP ${response.status} ${type}`.trim() });
    }
    return watchBody(response, {
      limit: MAX_BODY,
      per: 'body',
      tooLarge,
      ended({ resumable, error }) {
        if (AgentIdError.is(error)) exchange?.fail(error);
        if (resumable || !exchange) return; // with an event id the SDK takes the stream up again
        setTimeout(() => {
          if (!exchange.settled) exchange.fail(new AgentIdError('mcp.interrupted', { server: spec.label }));
        }, GRACE).unref();
      },
    });
  }

  async function listen(url: URL, init: RequestInit): Promise<Response> {
    listener.triedAt = Date.now();
    let response = await send(url, init);
    if (response.status === 401 && token) {
      await response.body?.cancel();
      response = await send(url, init, true);
    }
    const { status } = response;
    if (status === 405 || status === 406 || status === 501) listener.unsupported = true;
    if (!response.ok) return response;
    listener.open = true;
    return watchBody(response, {
      limit: MAX_BODY,
      per: 'event',
      tooLarge,
      ended: () => void (listener.open = false),
    });
  }

  const tooLarge = () => new AgentIdError('mcp.tooLarge', { server: spec.label, megabytes: MAX_BODY / (1024 * 1024) });

  return {
    listener,
    run: (exchange, work) => exchanges.run(exchange, work),
    fetch: async (input, init = {}) => {
      const url = new URL(input instanceof Request ? input.url : input);
      if (init.method === 'POST') return post(url, init);
      if (init.method === 'GET') return listen(url, init);
      return send(url, init);
    },
  };
}
