import timers from 'node:timers/promises';
import * as v from 'valibot';
import type { Clock } from '../base/clock.ts';
import type { Authority } from './authority.ts';
import { identityError } from './errors.ts';

/** The answer that keeps MSAL polling. */
export const PENDING = { status: 400, headers: {}, body: { error: 'authorization_pending' } };

const LONGEST_INTERVAL_S = 60;

const seconds = v.pipe(v.union([v.number(), v.string()]), v.transform(Number), v.number(), v.minValue(1));

const DeviceCode = v.object({
  device_code: v.pipe(v.string(), v.nonEmpty()),
  // Entra's are 8 or 9 capitals and digits; RFC 8628 §6.1 allows dashes. Nothing else goes to a dialog and the clipboard.
  user_code: v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{4,20}$/)),
  verification_uri: v.pipe(v.string(), v.url()),
  expires_in: v.pipe(seconds, v.maxValue(86_400)),
  interval: v.optional(v.pipe(seconds, v.maxValue(LONGEST_INTERVAL_S)), 5), // the default of RFC 8628 §3.2
  message: v.optional(v.string(), ''),
});

export type DeviceCode = v.InferOutput<typeof DeviceCode>;

/** Reads the answer of `/devicecode`. Throws `signIn.badAnswer`, and `signIn.unsafePage` for a page that is not the authority's. */
export function parseDeviceCode(body: unknown, authority: Authority): DeviceCode {
  const parsed = v.safeParse(DeviceCode, body);
  if (!parsed.success) {
    const field = v.getDotPath(parsed.issues[0]) ?? 'body';
    throw identityError('signIn.badAnswer', { host: authority.host, status: 200, problem: `no usable ${field}` });
  }
  const page = parsed.output.verification_uri;
  if (!authority.isPage(page))
    throw identityError('signIn.unsafePage', { page: URL.parse(page)?.origin ?? page, authority: authority.url });
  return parsed.output;
}

/** When to ask again whether the code was entered (RFC 8628 §3.5). */
export class DevicePolling {
  #interval: number;
  readonly #expiresAt: number;
  readonly #clock: Clock;

  constructor(code: DeviceCode, clock: Clock) {
    this.#interval = code.interval;
    this.#expiresAt = clock.now() + code.expires_in * 1000;
    this.#clock = clock;
  }

  /** The server asked for it: five seconds more between this and all later polls. */
  slowDown(): void {
    this.#interval += 5;
  }

  /** The server is out of reach or overloaded: twice as long between polls, or as long as it says (seconds). */
  backOff(retryAfter: number): void {
    this.#interval = Math.min(Math.max(this.#interval * 2, retryAfter), LONGEST_INTERVAL_S);
  }

  /** Until the next poll, or until the code expires. Throws `signIn.deviceCodeExpired` after that. */
  async wait(signal: AbortSignal): Promise<void> {
    const left = this.#expiresAt - this.#clock.now();
    if (left <= 0) throw identityError('signIn.deviceCodeExpired');
    await timers.setTimeout(Math.min(this.#interval * 1000, left), undefined, { signal });
  }
}
