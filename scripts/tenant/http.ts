import * as v from 'valibot';
import { networkReason, parseJson, readText } from '../../src/identity/http.ts';
import { redact } from '../../src/base/redact.ts';
import { ServiceFailure, TenantError } from './errors.ts';
import { plain } from './schemas.ts';
import type { World } from './world.ts';

const TIMEOUT_MS = 60_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const TRIES = 6;
/** A service that asks for a longer pause than this is not waited for. */
const LONGEST_PAUSE_MS = 5 * 60_000;

export interface JsonRequest {
  /** For people: "Microsoft Graph". */
  readonly service: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly token: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const Failure = v.object({ error: v.object({ code: v.string(), message: v.fallback(v.string(), '') }) });

/**
 * One request, repeated while the service is busy: 429 and 503 say that nothing was done; other failures of the server or
 * of the network are repeated only where doing it twice is the same as doing it once. The pause is `Retry-After` where
 * the service names one, else it doubles. The parsed body, or undefined for an empty one. Throws `ServiceFailure`, and
 * `TenantError` where nobody answers.
 */
export async function sendJson(world: World, request: JsonRequest, signal: AbortSignal): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    const last = attempt >= TRIES;
    let pause = 1000 * 2 ** (attempt - 1);
    try {
      const response = await attemptOnce(world, request, signal);
      const busy = response.status === 429 || response.status === 503;
      if (last || !(busy || (response.status >= 500 && request.method !== 'POST')))
        return await take(request, response);
      await response.body?.cancel();
      pause = retryAfter(response.headers.get('retry-after'), world.now()) ?? pause;
      if (pause > LONGEST_PAUSE_MS)
        throw new TenantError(
          `${request.service} asks to wait ${Math.ceil(pause / 1000)} seconds before the next request.`,
          'Run this again after that; what was made stays, and is not made twice.',
        );
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof TenantError || error instanceof ServiceFailure) throw error;
      if (last || request.method === 'POST')
        throw new TenantError(
          `${request.service} can't be reached: ${networkReason(error)}.`,
          'Check network and proxy, then run this again; what was made stays, and is not made twice.',
          error,
        );
    }
    await world.sleep(pause, signal);
  }
}

async function attemptOnce(world: World, request: JsonRequest, signal: AbortSignal): Promise<Response> {
  return world.fetch(request.url, {
    method: request.method,
    headers: {
      Authorization: `Bearer ${request.token}`,
      Accept: 'application/json',
      ...(request.body !== undefined && { 'Content-Type': 'application/json' }),
      ...request.headers,
    },
    ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
    redirect: 'error', // a token follows nobody's redirect
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
}

async function take({ service }: JsonRequest, response: Response): Promise<unknown> {
  const text = await readText(response, MAX_ANSWER_BYTES);
  const body = text ? parseJson(text) : undefined;
  if (response.ok) {
    if (text !== '' && body === undefined)
      throw new TenantError(
        `${service} answered with something that is no JSON.`,
        'Check whether a proxy rewrites answers.',
      );
    return body;
  }
  const failure = v.safeParse(Failure, body);
  const { code, message } = failure.success ? failure.output.error : { code: '', message: '' };
  const requestId = response.headers.get('request-id') ?? response.headers.get('x-ms-request-id') ?? '';
  throw new ServiceFailure(service, response.status, plain(code), redact(plain(message)).slice(0, 600), requestId);
}

/** Milliseconds that a `Retry-After` asks for (seconds or a date, RFC 9110 §10.2.3); undefined where there is none. */
function retryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}
