import { setTimeout as sleep } from 'node:timers/promises';
import type * as Undici from 'undici';
import { AgentIdError, describe } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import { relay } from './relay.ts';
import type { TunnelLink } from './tunnelLink.ts';

/** Methods that may be repeated without harm (RFC 9110, 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);
const NULL_BODY_STATUS = new Set([204, 205, 304]);

/** Long enough for a tool that thinks before it sends headers. */
export const HEADERS_TIMEOUT_MS = 300_000;

interface OutgoingRequest {
  url: URL;
  method: string;
  headers: [string, string][];
  body: string | Uint8Array | ReadableStream<Uint8Array> | null;
  signal: AbortSignal | undefined;
}

/**
 * A fetch that can reach one origin only, through `pool`, and that follows no redirect. Only what certainly never left,
 * or may be done twice, is repeated:
 * - the connection had ended before a byte of the request was sent: once, any method
 * - nothing listened in the pod: while the link has patience, any method
 * - a request without an answer: once, if the method is idempotent
 * and nothing after the first byte of an answer, and no body that is a stream.
 * @throws tunnel.foreignOrigin, .unanswered, .timeout, .notHttp, .closed, what the link throws, and the signal's reason;
 * the body fails with tunnel.interrupted
 */
export function tunnelFetch(options: {
  undici: typeof Undici;
  pool: Undici.Dispatcher;
  link: Pick<TunnelLink, 'prepare' | 'proved' | 'pauseBeforeRetry'>;
  name: string;
  origin: string;
}): Fetch {
  const { undici, pool, link, name, origin } = options;
  return async (input, init) => {
    const request = await readRequest(input, init);
    if (request.url.origin !== origin)
      throw new AgentIdError('tunnel.foreignOrigin', { origin: request.url.origin, expected: origin });
    const { url, method, headers, signal } = request;
    const repeatable = !(request.body instanceof ReadableStream);
    // undici reads the source of an upload to its end even when the request is over: ours can be stopped.
    const upload = request.body instanceof ReadableStream ? relay(request.body, { fail: error => error }) : undefined;
    const body = upload?.stream ?? request.body;
    const failBody = (error: unknown) => (signal?.aborted ? (signal.reason as unknown) : interruption(error, name));
    let repeated = false;
    for (let attempt = 1; ; attempt++) {
      try {
        await link.prepare();
        const response = await undici.fetch(url, {
          method,
          headers,
          body,
          redirect: 'manual',
          dispatcher: pool,
          ...(signal ? { signal } : {}),
          ...(repeatable ? {} : { duplex: 'half' }),
        });
        link.proved();
        return toResponse(response, failBody, () => upload?.stop());
      } catch (error) {
        upload?.stop();
        signal?.throwIfAborted();
        const failure = requestError(error, name);
        if (!repeatable || !AgentIdError.is(failure)) throw failure;
        if (failure.code === 'tunnel.refused') {
          const pause = link.pauseBeforeRetry(failure, attempt);
          if (pause === undefined) throw failure;
          await sleep(pause, undefined, { ...(signal ? { signal } : {}) }).catch(() => signal?.throwIfAborted());
        } else if (!repeated && mayRepeat(failure, method)) repeated = true;
        else throw failure;
      }
    }
  };
}

/** A dial that failed is not among them: the link has already been patient with it. */
function mayRepeat(failure: AgentIdError, method: string): boolean {
  return failure.code === 'tunnel.stale' || (failure.code === 'tunnel.unanswered' && IDEMPOTENT.has(method));
}

/** Takes a request apart by the built-in classes, which our callers use and undici's own do not recognise. */
async function readRequest(input: string | URL | Request, init: RequestInit = {}): Promise<OutgoingRequest> {
  const request = input instanceof Request ? input : undefined;
  const headers = new Headers(init.headers ?? request?.headers);
  headers.delete('host'); // the pool says `localhost:<port>`, which the sidecar insists on
  const given = init.body === undefined ? (request?.body ?? null) : init.body;
  const body = await readBody(given, headers);
  return {
    url: new URL(request ? request.url : input),
    method: (init.method ?? request?.method ?? 'GET').toUpperCase(),
    headers: [...headers],
    body,
    signal: init.signal ?? request?.signal,
  };
}

async function readBody(body: RequestInit['body'], headers: Headers): Promise<OutgoingRequest['body']> {
  if (body === null || body === undefined) return null;
  if (typeof body === 'string') return body;
  if (body instanceof ReadableStream) return body as ReadableStream<Uint8Array>;
  // Blobs, forms and search parameters bring their own content type.
  const whole = new Response(body);
  const type = whole.headers.get('content-type');
  if (type && !headers.has('content-type')) headers.set('content-type', type);
  return whole.bytes();
}

function toResponse(response: Undici.Response, fail: (error: unknown) => unknown, done: () => void): Response {
  const { status, statusText } = response;
  const body = NULL_BODY_STATUS.has(status) || !response.body ? null : relay(response.body, { fail, done }).stream;
  return new Response(body, { status, statusText, headers: [...response.headers] });
}

function interruption(error: unknown, name: string): unknown {
  const cause = rootCause(error);
  if (AgentIdError.is(cause, 'tunnel.closed')) return cause;
  return new AgentIdError('tunnel.interrupted', { name, reason: reasonOf(cause) }, { cause: error });
}

/** What undici rejected with, as one of our errors where it is about the tunnel. */
function requestError(error: unknown, name: string): unknown {
  const cause = rootCause(error);
  const code = codeOf(cause);
  if (AgentIdError.is(cause)) {
    const established =
      cause.code === 'tunnel.lost' || cause.code === 'tunnel.unresponsive' || cause.code === 'tunnel.podError';
    if (!established) return cause;
    return new AgentIdError('tunnel.unanswered', { name, reason: reasonOf(cause) }, { cause });
  }
  if (code === 'UND_ERR_HEADERS_TIMEOUT')
    return new AgentIdError('tunnel.timeout', { name, seconds: HEADERS_TIMEOUT_MS / 1000 }, { cause: error });
  if (code === 'UND_ERR_SOCKET')
    return new AgentIdError('tunnel.unanswered', { name, reason: reasonOf(cause) }, { cause: error });
  if (code === 'UND_ERR_CLOSED' || code === 'UND_ERR_DESTROYED') return new AgentIdError('tunnel.closed', { name });
  if (cause instanceof Error && (cause.name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW'))
    return new AgentIdError('tunnel.notHttp', { name, reason: reasonOf(cause) }, { cause: error });
  return error;
}

/** undici's fetch hides what happened in the causes of a TypeError. */
function rootCause(error: unknown): unknown {
  let at = error;
  for (let depth = 0; at instanceof TypeError && at.cause !== undefined && depth < 5; depth++) at = at.cause;
  return at;
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : '';
}

function reasonOf(cause: unknown): string {
  return AgentIdError.is(cause) ? cause.code : describe(cause);
}
