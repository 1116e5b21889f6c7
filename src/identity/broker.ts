import { systemClock, type Clock } from '../base/clock.ts';
import { AgentIdError, describe } from '../base/errors.ts';
import { Emitter } from '../base/event.ts';
import type { Logger } from '../base/logger.ts';
import { SingleFlight } from '../base/singleFlight.ts';
import { checkAgentToken, type AgentToken } from './agentToken.ts';
import { identityError } from './errors.ts';
import { refreshAhead } from './lifetime.ts';
import type { Sidecar } from './sidecar.ts';
import type { UserToken } from './types.ts';

export type { AgentToken } from './agentToken.ts';

export interface TokenBrokerOptions {
  sidecar: Pick<Sidecar, 'token'>;
  agentAppId: string;
  tenantId: string;
  /** Tc; renewed when `forceRefresh` is set. */
  userToken(options: { forceRefresh?: boolean; signal?: AbortSignal }): Promise<UserToken>;
  /** Audiences that a token may have, by the API's name. An API without one gets no token. */
  audiences: Readonly<Record<string, readonly string[]>>;
  clock?: Clock;
  logger: Logger;
}

export interface GetOptions {
  /** Asks Entra anew, past every cache. */
  forceRefresh?: boolean;
  /** Milliseconds of life that the token should have left; honoured up to half of what Entra grants. */
  minLifetimeMs?: number;
  signal?: AbortSignal;
}

/**
 * How long after its last use a token is still replaced in the background, in milliseconds: whoever reads a long answer
 * comes back to a token in hand, and a window that is left for the night asks nobody for anything.
 */
const IN_USE_MS = 30 * 60_000;
/** What a timer can hold, in milliseconds (Node.js, `setTimeout`). */
const MAX_DELAY_MS = 2 ** 31 - 1;

interface Held extends AgentToken {
  obtainedAt: number;
  /** When it was asked for last. */
  usedAt: number;
  /** Runs until it is to be replaced. */
  timer: NodeJS.Timeout;
}

/**
 * The agent's tokens: one exchange at a time for each API, kept in memory, replaced ahead of expiry: in the background
 * while they are in use, else when they are asked for. `clear` ends the timers.
 */
export class TokenBroker {
  readonly #options: TokenBrokerOptions;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();
  readonly #flights = new SingleFlight<AgentToken>();
  readonly #changed = new Emitter<string>();
  #generation = 0;

  /** Fires with the API's name when its token was replaced or dropped. */
  readonly onDidChange = this.#changed.event;

  constructor(options: TokenBrokerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * A token that passed every check. Where one is held that has not ended, an outage while it is replaced ahead of time
   * is only logged, unless the caller forces. Throws `sidecar.*`, `agentToken.*`, `token.*` and what `userToken` throws.
   */
  async get(api: string, options: GetOptions = {}): Promise<AgentToken> {
    const { forceRefresh = false, minLifetimeMs = 0, signal } = options;
    const { logger } = this.#options;
    signal?.throwIfAborted();
    const held = this.#held.get(api);
    const left = held ? this.#left(held) : 0;
    if (held) held.usedAt = this.#clock.now();
    if (held && !forceRefresh) {
      const granted = held.expiresAt - held.obtainedAt;
      if (left > Math.max(refreshAhead(held), Math.min(minLifetimeMs, granted / 2))) return held;
    }
    // A held token that is merely too old may still be in the sidecar's own cache, so that must be passed by too.
    const force = forceRefresh || left > 0;
    try {
      return await this.#flights.run(this.#flightKey(api, force), flight => this.#exchange(api, force, flight), signal);
    } catch (error) {
      signal?.throwIfAborted();
      const kept = this.peek(api);
      if (forceRefresh || !kept || kept !== held || !isOutage(error)) throw error;
      logger.warn(`Token for ${api}: no new one ahead of time, going on with ${kept.fingerprint}: ${describe(error)}`);
      return kept;
    }
  }

  /** What is held, without asking anybody; it may be near its end, never past it. */
  peek(api: string): AgentToken | undefined {
    const held = this.#held.get(api);
    return held && this.#left(held) > 0 ? held : undefined;
  }

  /** Drops every token; exchanges under way still answer their callers but leave nothing behind. */
  clear(): void {
    this.#generation++;
    const apis = [...this.#held.keys()];
    for (const { timer } of this.#held.values()) clearTimeout(timer);
    this.#held.clear();
    for (const api of apis) this.#changed.fire(api);
  }

  #hold(api: string, token: AgentToken): void {
    const before = this.#held.get(api);
    clearTimeout(before?.timer);
    const now = this.#clock.now();
    const times = { obtainedAt: now, expiresAt: token.expiresAt };
    const delay = Math.min(token.expiresAt - refreshAhead(times) - now, MAX_DELAY_MS);
    const timer = setTimeout(() => this.#renewAhead(api), Math.max(delay, 0));
    timer.unref();
    this.#held.set(api, { ...token, obtainedAt: now, usedAt: before?.usedAt ?? now, timer });
  }

  /** Replaces a token that is in use; a failure costs nothing yet, and the next one to ask for it hears of it. */
  #renewAhead(api: string): void {
    const held = this.#held.get(api);
    if (!held) return;
    // A machine that slept fires late, when nobody is there. One that nobody asked for since it came is in use no more.
    const inUse = Math.min(IN_USE_MS, held.expiresAt - held.obtainedAt);
    if (this.#clock.now() - held.usedAt > inUse) return;
    this.#flights
      .run(this.#flightKey(api, true), flight => this.#exchange(api, true, flight))
      .catch((error: unknown) =>
        this.#options.logger.warn(`Token for ${api}: not renewed in the background: ${describe(error)}`),
      );
  }

  /** Milliseconds that a token has to live; none when the clock was set back to before we had it. */
  #left({ expiresAt, obtainedAt }: Held): number {
    const now = this.#clock.now();
    return now < obtainedAt ? 0 : expiresAt - now;
  }

  /** Nobody joins an exchange from before a `clear`: it may be for another user. */
  #flightKey(api: string, force: boolean): string {
    return `${this.#generation} ${force ? 'new' : 'any'} ${api}`;
  }

  async #exchange(api: string, forceRefresh: boolean, signal: AbortSignal): Promise<AgentToken> {
    const { audiences: known, tenantId, agentAppId, logger } = this.#options;
    const generation = this.#generation;
    const audiences = Object.hasOwn(known, api) ? (known[api] ?? []) : [];
    if (audiences.length === 0) throw identityError('agentToken.audienceUnknown', { api });
    const { raw, user } = await this.#trade(api, forceRefresh, signal);
    const expected = { api, agentAppId, tenantId, audiences, user: user.account };
    const token = checkAgentToken(raw, expected, this.#clock.now());
    logger.info(`Token for ${api}: ${token.fingerprint}, until ${new Date(token.expiresAt).toISOString()}`);
    if (generation === this.#generation) {
      this.#hold(api, token);
      this.#changed.fire(api);
    }
    return token;
  }

  /** One exchange; when the user's token is not accepted (expired on the way, another key), once more with a fresh one. */
  async #trade(api: string, forceRefresh: boolean, signal: AbortSignal): Promise<{ raw: string; user: UserToken }> {
    const { sidecar, agentAppId, logger } = this.#options;
    const trade = async (user: UserToken) => ({
      raw: await sidecar.token(api, { userToken: user.raw, agentAppId, forceRefresh, signal }),
      user,
    });
    try {
      return await trade(await this.#options.userToken({ signal }));
    } catch (error) {
      if (!AgentIdError.is(error, 'sidecar.userTokenRejected')) throw error;
      logger.info(`Token for ${api}: the user's token was not accepted; trying once with a fresh one.`);
      return trade(await this.#options.userToken({ forceRefresh: true, signal }));
    }
  }
}

/** Nobody said no: Entra, the sidecar or the way there is out of order. */
function isOutage(error: unknown): boolean {
  return (
    AgentIdError.is(error) &&
    /^(sidecar\.(unreachable|unexpected500)|signIn\.(unreachable|entraUnavailable)|cluster\.unreachable|tunnel\..*)$/.test(
      error.code,
    )
  );
}
