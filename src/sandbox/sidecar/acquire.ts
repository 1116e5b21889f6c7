import { createHash } from 'node:crypto';
import * as v from 'valibot';
import type { World } from '../world.ts';
import type { EntraFetch } from './entraFetch.ts';
import { projectedToken } from './projectedToken.ts';
import type { SidecarSettings } from './settings.ts';

/** A refusal by Entra: its `error_description`, which is all that the sidecar passes on. */
export class TokenRefused extends Error {}

/** What a token is wanted for. */
export interface Wanted {
  readonly scopes: readonly string[];
  /** The agent identity to act as; unset: the blueprint itself. */
  readonly agent: string | undefined;
  /** The agent's own user account, by name or object id. */
  readonly agentUser: { username?: string; userId?: string } | undefined;
  /** The caller's token; unset: no user. */
  readonly assertion: string | undefined;
  readonly appToken: boolean;
  readonly tenant: string | undefined;
  readonly claims: string | undefined;
  readonly forceRefresh: boolean;
}

/** A token with its times in milliseconds since the epoch. */
interface Cached {
  readonly token: string;
  readonly obtainedAt: number;
  readonly expiresAt: number;
}

const Answer = v.union([
  v.object({ access_token: v.string(), expires_in: v.number() }),
  v.object({ error: v.string(), error_description: v.optional(v.string(), '') }),
]);

const EXCHANGE_SCOPE = 'api://AzureADTokenExchange/.default';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** A cached token with less life than this is fetched anew, as the Microsoft library does; milliseconds. */
const RENEW_BEFORE = 5 * 60_000;

/** Gets tokens from Entra for the blueprint and its agents, over real HTTP, and caches them by what they stand for. */
export class TokenAcquirer {
  readonly #options: { world: World; settings: SidecarSettings; fetch: EntraFetch };
  readonly #cache = new Map<string, Cached>();

  constructor(options: { world: World; settings: SidecarSettings; fetch: EntraFetch }) {
    this.#options = options;
  }

  /** Forgets every token, as a restart does. */
  clear(): void {
    this.#cache.clear();
  }

  /** The access token; throws TokenRefused when Entra says no, and whatever fetch throws when it cannot be reached. */
  async acquire(wanted: Wanted): Promise<string> {
    const { scopes, assertion, appToken } = wanted;
    if (appToken && !scopes.every(scope => scope.endsWith('/.default')))
      throw new Error(`An app token needs a scope that ends in /.default, not ${scopes.join(' ')}`);
    if (wanted.agent && wanted.agentUser) return this.#agentUser(wanted, wanted.agent);
    if (appToken) {
      const key = `app|${wanted.agent ?? ''}|${scopes.join(' ')}`;
      return this.#cached(key, wanted, async () =>
        this.#request(wanted, {
          ...(await this.#credential(wanted)),
          grant_type: 'client_credentials',
          scope: scopes.join(' '),
        }),
      );
    }
    if (assertion === undefined)
      throw new TokenRefused('No account or login hint was passed to the AcquireTokenSilent call.');
    const hash = createHash('sha256').update(assertion).digest('base64url');
    return this.#cached(`obo|${hash}|${wanted.agent ?? ''}|${scopes.join(' ')}`, wanted, async () =>
      this.#request(wanted, {
        ...(await this.#credential(wanted)),
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        scope: `${scopes.join(' ')} openid profile offline_access`,
        assertion,
        requested_token_use: 'on_behalf_of',
        client_info: '1',
      }),
    );
  }

  /** Legs two and three of the agent's user account. */
  async #agentUser(wanted: Wanted, agent: string): Promise<string> {
    const { username, userId } = wanted.agentUser ?? {};
    const scope = wanted.scopes.join(' ');
    return this.#cached(`fic|${agent}|${username ?? userId}|${scope}`, wanted, async () => {
      const credential = await this.#credential(wanted);
      const leg = { ...credential, grant_type: 'client_credentials', scope: EXCHANGE_SCOPE };
      const { token } = await this.#request(wanted, leg);
      return this.#request(wanted, {
        ...credential,
        grant_type: 'user_fic',
        scope: `${scope} openid profile offline_access`,
        user_federated_identity_credential: token,
        ...(username ? { username } : { user_id: userId ?? '' }),
        requested_token_use: 'on_behalf_of',
      });
    });
  }

  /** How the client proves itself: an agent with its T1, the blueprint with the pod's ServiceAccount token. */
  async #credential(wanted: Wanted): Promise<Record<string, string>> {
    const { world, settings } = this.#options;
    const { agent } = wanted;
    const own = async () => ({
      client_id: settings.clientId,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await projectedToken(world, 'sandbox-sidecar'),
    });
    if (!agent) return own();
    const exchange = { ...wanted, claims: undefined, forceRefresh: false };
    const t1 = await this.#cached(`t1|${agent}`, exchange, async () =>
      this.#request(exchange, {
        ...(await own()),
        grant_type: 'client_credentials',
        scope: EXCHANGE_SCOPE,
        fmi_path: agent,
      }),
    );
    return { client_id: agent, client_assertion_type: ASSERTION_TYPE, client_assertion: t1 };
  }

  async #cached(
    key: string,
    wanted: Pick<Wanted, 'tenant' | 'forceRefresh' | 'claims'>,
    request: () => Promise<Cached>,
  ): Promise<string> {
    const entry = `${wanted.tenant ?? ''}|${key}`;
    const found = this.#cache.get(entry);
    const now = this.#options.world.clock.now();
    // A token from a future that the control endpoint has taken back is no use to anybody.
    const fresh = found && found.expiresAt - now > RENEW_BEFORE && found.obtainedAt <= now;
    if (fresh && !wanted.forceRefresh && !wanted.claims) return found.token;
    const got = await request();
    this.#cache.set(entry, got);
    return got.token;
  }

  async #request(wanted: Pick<Wanted, 'tenant' | 'claims'>, form: Record<string, string>): Promise<Cached> {
    const { world, settings, fetch } = this.#options;
    const tenant = encodeURIComponent(wanted.tenant ?? settings.tenantId);
    const response = await fetch(`${settings.instance}${tenant}/oauth2/v2.0/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...form, ...(wanted.claims && { claims: wanted.claims }) }).toString(),
    });
    const answer = v.parse(Answer, await response.json());
    if ('error' in answer) throw new TokenRefused(answer.error_description);
    const now = world.clock.now();
    return { token: answer.access_token, obtainedAt: now, expiresAt: now + answer.expires_in * 1000 };
  }
}
