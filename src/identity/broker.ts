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

/** The agent's tokens: one exchange at a time for each API, kept in memory, replaced ahead of expiry. */
export class TokenBroker {
  readonly #options: TokenBrokerOptions;
  readonly #clock: Clock;
  readonly #held = new Map<string, AgentToken & { obtainedAt: number }>();
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
    const left = held ? held.expiresAt - this.#clock.now() : 0;
    if (held && !forceRefresh) {
      const granted = held.expiresAt - held.obtainedAt;
      if (left > Math.max(refreshAhead(held), Math.min(minLifetimeMs, granted / 2))) return held;
    }
    // A held token that is merely too old may still be in the sidecar's own cache, so that must be passed by too.
    const force = forceRefresh || left > 0;
    // Nobody joins an exchange from before a `clear`: it may be for another user.
    const key = `${this.#generation} ${force ? 'new' : 'any'} ${api}`;
    try {
      return await this.#flights.run(key, flight => this.#exchange(api, force, flight), signal);
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
    return held && held.expiresAt > this.#clock.now() ? held : undefined;
  }

  /** Drops every token; exchanges under way still answer their callers but leave nothing behind. */
  clear(): void {
    this.#generation++;
    const apis = [...this.#held.keys()];
    this.#held.clear();
    for (const api of apis) this.#changed.fire(api);
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
      this.#held.set(api, { ...token, obtainedAt: this.#clock.now() });
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
