import { readFileSync } from 'node:fs';
import { mock } from 'node:test';
import type { Fetch } from '../../../src/base/fetch.ts';
import type { Logger } from '../../../src/base/logger.ts';
import type { SecretStore } from '../../../src/identity/types.ts';

export const TENANT = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
export const BLUEPRINT = '6f1d2c3b-4a59-4e68-9d07-1b2a3c4d5e6f';
export const AGENT = 'c0ffee00-1111-4222-8333-444455556666';
export const CLIENT = '14d82eec-204b-4c2f-b7e8-296a70dab67e';
export const USER = '77777777-1111-4222-8333-444455556666';
export const SCOPE = `api://${BLUEPRINT}/access_as_user`;
export const AUTHORITY = `https://login.microsoftonline.com/${TENANT}`;

export type Payload = Record<string, unknown>;

/** A payload of test/fixtures/tokens. */
export function fixture(name: string): Payload {
  const file = new URL(`../../fixtures/tokens/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Payload;
}

/** Claims without some of them. */
export function without(claims: Payload, ...names: string[]): Payload {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)));
}

/** A JWT with that payload and a signature that nobody checks. */
export function jwt(payload: Payload, header: Payload = { typ: 'JWT', alg: 'RS256', kid: 'k1' }): string {
  const part = (value: Payload) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(payload)}.c2lnbmF0dXJl`;
}

/** Seconds since the epoch, by the (perhaps mocked) clock. */
export const seconds = (): number => Math.floor(Date.now() / 1000);

/** Claims that make a fixture young: issued five minutes ago, an hour to live. */
export const fresh = (lifetime = 3600): Payload => ({
  iat: seconds() - 300,
  nbf: seconds() - 300,
  exp: seconds() + lifetime,
});

export function tokenAnswer(
  options: { oid?: string; refreshToken?: string; tc?: Payload; upn?: string } = {},
): Payload {
  const { oid = USER, refreshToken = 'rt-1', tc = {}, upn = 'robin@contoso.example' } = options;
  const identity = { oid, tid: TENANT, name: 'Robin Example', preferred_username: upn };
  return {
    token_type: 'Bearer',
    scope: SCOPE,
    expires_in: 3600,
    ext_expires_in: 3600,
    access_token: jwt({ ...fixture('tc-v2'), ...fresh(), oid, preferred_username: upn, ...tc }),
    refresh_token: refreshToken,
    id_token: jwt({ ...fresh(), aud: CLIENT, iss: `${AUTHORITY}/v2.0`, sub: `sub-${oid}`, ver: '2.0', ...identity }),
    client_info: Buffer.from(JSON.stringify({ uid: oid, utid: TENANT })).toString('base64url'),
  };
}

/** Entra's refusal, in its own form. */
export function refusal(error: string, number: number, sentence: string, more: Payload = {}): Payload {
  const tail =
    'Trace ID: d092006d-0000-4000-8000-000000000001\r\nCorrelation ID: 9ddb74cd-0000-4000-8000-000000000002\r\nTimestamp: 2026-03-01 13:08:48Z';
  return {
    error,
    error_description: `AADSTS${number}: ${sentence}\r\n${tail}`,
    error_codes: [number],
    timestamp: '2026-03-01 13:08:48Z',
    trace_id: 'd092006d-0000-4000-8000-000000000001',
    correlation_id: '9ddb74cd-0000-4000-8000-000000000002',
    ...more,
  };
}

export const pending = (): Response =>
  json(refusal('authorization_pending', 70016, 'OAuth 2.0 device flow error. Authorization is pending.'), 400);

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  });
}

export interface Seen {
  url: URL;
  method: string;
  form: URLSearchParams;
  headers: Headers;
  at: number;
}

/** A network: `answer` sees each request; an abort ends it as the real fetch does. */
export function fakeFetch(answer: (request: Seen) => Response | Promise<Response>): { fetch: Fetch; seen: Seen[] } {
  const seen: Seen[] = [];
  const fetch: Fetch = (input, init) => {
    const signal = init?.signal;
    const request: Seen = {
      url: new URL(input instanceof Request ? input.url : input),
      method: init?.method ?? 'GET',
      form: new URLSearchParams(typeof init?.body === 'string' ? init.body : ''),
      headers: new Headers(init?.headers),
      at: Date.now(),
    };
    seen.push(request);
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal?.reason as Error);
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      Promise.resolve()
        .then(() => answer(request))
        .then(resolve, reject);
    });
  };
  return { fetch, seen };
}

export const DEVICE_CODE: Payload = {
  user_code: 'A62NXK96N',
  device_code: 'GAQABAAEAAAD',
  verification_uri: 'https://microsoft.com/devicelogin',
  expires_in: 900,
  interval: 5,
  message:
    'To sign in, use a web browser to open the page https://microsoft.com/devicelogin and enter the code A62NXK96N.',
};

/** A network that plays Entra's device code: each poll takes the next answer, the last one again and again. */
export function fakeEntra(options: { polls: (() => Response | Promise<Response>)[]; deviceCode?: () => Response }): {
  fetch: Fetch;
  seen: Seen[];
  polls: () => Seen[];
} {
  let index = 0;
  const network = fakeFetch(request => {
    if (request.url.pathname.endsWith('/devicecode')) return options.deviceCode?.() ?? json(DEVICE_CODE);
    const poll = options.polls[Math.min(index++, options.polls.length - 1)];
    return poll ? poll() : pending();
  });
  return { ...network, polls: () => network.seen.filter(request => request.url.pathname.endsWith('/token')) };
}

export class MemorySecrets implements SecretStore {
  readonly values = new Map<string, string>();
  writes = 0;
  /** Runs after each write, as another window would. */
  afterSet: (() => void) | undefined;
  get = async (key: string): Promise<string | undefined> => this.values.get(key);
  set = async (key: string, value: string): Promise<void> => {
    this.writes++;
    this.values.set(key, value);
    this.afterSet?.();
  };
  delete = async (key: string): Promise<void> => void this.values.delete(key);
}

/** Keeps everything that was logged, so that a test can search it for secrets. */
export function recordingLogger(): Logger & { lines: string[] } {
  const lines: string[] = [];
  const log = (message: string): void => void lines.push(message);
  return { lines, debug: log, info: log, warn: log, error: log };
}

/** Lets the mocked clock run, in steps of 0.2 s, until the promise has settled. */
export async function play<T>(promise: Promise<T>, limitSeconds = 2000): Promise<T> {
  let settled = false;
  const done = () => void (settled = true);
  promise.then(done, done);
  for (let step = 0; !settled; step++) {
    if (step > limitSeconds * 5) throw new Error(`Not settled after ${limitSeconds} mocked seconds`);
    await settle();
    if (!settled) mock.timers.tick(200);
  }
  return promise;
}

/** Lets everything run that needs no time. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 8; round++) await new Promise<void>(resolve => void setImmediate(resolve));
}
