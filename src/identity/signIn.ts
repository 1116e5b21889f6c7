import type { AccountInfo, AuthenticationResult, PublicClientApplication } from '@azure/msal-node';
import { orAborted } from '../base/abort.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import { SingleFlight } from '../base/singleFlight.ts';
import { Authority } from './authority.ts';
import {
  CacheStore,
  hasAccount,
  parseCache,
  refreshTokens,
  withAccount,
  withoutRefreshTokens,
  type SignInCache,
} from './cacheStore.ts';
import { identityError } from './errors.ts';
import { refreshAhead } from './lifetime.ts';
import { createMsal, isBadToken, isNothingCached, toAccount, translate } from './msal.ts';
import { EntraNetwork } from './network.ts';
import type { Account, SecretStore, SignIn, UserToken } from './types.ts';
import { checkUserToken } from './userToken.ts';

export type { Account, DeviceCodePrompt, SecretStore, SignIn, UserToken } from './types.ts';

export interface SignInConfig {
  /** `https://host[:port]/tenant`. */
  authority: string;
  /** The public client application. */
  clientId: string;
  /** First the blueprint's scope, `api://<guid>/<name>`; MSAL adds openid, profile and offline_access. */
  scopes: string[];
  /** The authority is not one of Microsoft's hosts and whoever configured it vouches for it (the sandbox). */
  knownAuthority?: boolean;
}

export interface SignInDeps {
  secrets: SecretStore;
  fetch: Fetch;
  logger: Logger;
  clock?: Clock;
}

/** Sign-in for one authority and client. MSAL is loaded on first use. Throws `signIn.authorityInvalid`. */
export async function createSignIn(config: SignInConfig, deps: SignInDeps): Promise<SignIn> {
  return new MsalSignIn(config, deps);
}

class MsalSignIn implements SignIn {
  readonly #config: SignInConfig;
  readonly #authority: Authority;
  readonly #fetch: Fetch;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #store: CacheStore;
  readonly #flights = new SingleFlight<UserToken | undefined>();
  readonly #tokens = new Map<string, UserToken & { obtainedAt: number }>();
  #current: string | undefined;
  #generation = 0;

  constructor(config: SignInConfig, deps: SignInDeps) {
    this.#config = config;
    this.#authority = new Authority(config.authority, config.knownAuthority === true);
    this.#fetch = deps.fetch;
    this.#logger = deps.logger;
    this.#clock = deps.clock ?? systemClock;
    this.#store = new CacheStore(
      deps.secrets,
      `agentId.signIn ${this.#authority.url} ${config.clientId}`.toLowerCase(),
      deps.logger,
    );
  }

  async accounts(): Promise<Account[]> {
    const cache = await this.#store.load();
    if (!cache) return [];
    const { msal } = await this.#open(new AbortController().signal, cache);
    return (await this.#accounts(msal)).map(toAccount);
  }

  async silent(options: Parameters<SignIn['silent']>[0]): Promise<UserToken | undefined> {
    const { account, forceRefresh, signal } = options;
    const id = account?.id ?? this.#current;
    if (id !== undefined && !forceRefresh) {
      const held = this.#tokens.get(id);
      const now = this.#clock.now();
      // Another window may have signed this user out: the store decides, memory only saves the request.
      const cache = held && (await this.#store.load());
      if (cache && held && hasAccount(cache, id) && held.expiresAt - refreshAhead(held) > now) return held;
    }
    return this.#flights.run(id ?? '', flight => this.#renew(id, flight), signal);
  }

  async deviceCode(options: Parameters<SignIn['deviceCode']>[0]): Promise<UserToken> {
    const { claims, signal } = options;
    signal.throwIfAborted();
    const { msal, network } = await this.#open(signal);
    const operation = msal.acquireTokenByDeviceCode({
      scopes: this.#config.scopes,
      ...(claims && { claims }),
      deviceCodeCallback: code =>
        options.onPrompt({
          userCode: code.userCode,
          verificationUri: code.verificationUri,
          expiresAt: this.#clock.now() + code.expiresIn * 1000,
          message: code.message.replace(/\s+/g, ' ').slice(0, 500),
        }),
    });
    const result = await orAborted(operation, signal).catch((error: unknown) => {
      throw translate(error, network, signal);
    });
    const token = this.#accept(result);
    signal.throwIfAborted(); // the last moment at which a cancel wins; from here on the user is signed in
    await this.#store.update(latest => withAccount(latest, this.#changes(msal), token.account.id));
    this.#remember(token);
    return token;
  }

  async signOut(): Promise<void> {
    this.#generation++;
    this.#tokens.clear();
    this.#current = undefined;
    await this.#store.clear();
  }

  /** Trades the refresh token for a new Tc; undefined when there is nobody to renew for. */
  async #renew(id: string | undefined, signal: AbortSignal, again = false): Promise<UserToken | undefined> {
    const generation = this.#generation;
    const cache = await this.#store.load();
    if (!cache) return undefined;
    const { msal, network } = await this.#open(signal, cache);
    const known = await this.#accounts(msal);
    const info = id === undefined ? known[0] : known.find(candidate => candidate.homeAccountId === id);
    if (!info) return undefined;
    let result: AuthenticationResult;
    try {
      // Access tokens are not in the cache, so MSAL's silent call is always a renewal.
      result = await msal.acquireTokenSilent({ account: info, scopes: this.#config.scopes, forceRefresh: true });
    } catch (error) {
      if (isNothingCached(error)) return undefined;
      const failure = translate(error, network, signal);
      const used = refreshTokens(cache, info.homeAccountId);
      if (!again && AgentIdError.is(failure, 'signIn.sessionEnded')) {
        const latest = await this.#store.load();
        const others = latest ? refreshTokens(latest, info.homeAccountId) : [];
        // Another window renewed in the meantime; its refresh token may still be good.
        if (others.some(secret => !used.includes(secret))) return this.#renew(id, signal, true);
      }
      if (isBadToken(error)) await this.#store.update(latest => withoutRefreshTokens(latest, used));
      throw failure;
    }
    const token = this.#accept(result);
    const kept = await this.#store.update(latest =>
      hasAccount(latest, token.account.id) ? withAccount(latest, this.#changes(msal), token.account.id) : undefined,
    );
    if (!kept || generation !== this.#generation) return undefined; // signed out while Entra answered
    this.#remember(token);
    return token;
  }

  async #open(
    signal: AbortSignal,
    cache?: SignInCache,
  ): Promise<{ msal: PublicClientApplication; network: EntraNetwork }> {
    const { clientId, knownAuthority } = this.#config;
    const common = { authority: this.#authority, logger: this.#logger };
    const network = new EntraNetwork({ ...common, fetch: this.#fetch, signal, clock: this.#clock });
    const msal = await createMsal({ ...common, known: knownAuthority === true, clientId, network });
    if (cache) msal.getTokenCache().deserialize(JSON.stringify(cache));
    return { msal, network };
  }

  /** Users of this tenant, the one whose id token is newest first. */
  async #accounts(msal: PublicClientApplication): Promise<AccountInfo[]> {
    const issued = (info: AccountInfo): number => info.idTokenClaims?.iat ?? 0;
    const { tenantId } = this.#authority;
    return (await msal.getTokenCache().getAllAccounts())
      .filter(info => tenantId === undefined || toAccount(info).tid.toLowerCase() === tenantId)
      .sort((a, b) => issued(b) - issued(a));
  }

  #accept(result: AuthenticationResult | null): UserToken {
    const { account, accessToken } = result ?? {};
    if (!account || !accessToken) {
      const problem = account ? 'no access token' : 'no id token';
      throw identityError('signIn.badAnswer', { host: this.#authority.host, status: 200, problem });
    }
    const { id, username, name } = toAccount(account);
    const scope = this.#config.scopes[0] ?? '';
    const user = { id, username, ...(name && { name }) };
    return checkUserToken(accessToken, user, { authority: this.#authority, scope }, this.#clock.now());
  }

  #changes(msal: PublicClientApplication): SignInCache {
    const cache = parseCache(msal.getTokenCache().serialize());
    if (!cache) throw identityError('signIn.failed', { reason: 'the library keeps its cache in an unknown format' });
    return cache;
  }

  #remember(token: UserToken): void {
    this.#tokens.set(token.account.id, { ...token, obtainedAt: this.#clock.now() });
    this.#current = token.account.id;
  }
}
