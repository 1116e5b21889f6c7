import type { AccountInfo, AuthenticationResult, PublicClientApplication } from '@azure/msal-node';
import { orAborted } from '../base/abort.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import { SingleFlight } from '../base/singleFlight.ts';
import { Authority } from './authority.ts';
import { acquireInBrowser } from './browserFlow.ts';
import {
  CacheStore,
  hasAccount,
  parseCache,
  refreshTokens,
  withAccount,
  withoutRefreshTokens,
  type SignInCache,
} from './cacheStore.ts';
import { EditorFlow } from './editorFlow.ts';
import { identityError } from './errors.ts';
import { refreshAhead } from './lifetime.ts';
import { createMsal, isBadToken, isNothingCached, toAccount, translate } from './msal.ts';
import { EntraNetwork } from './network.ts';
import type { Account, EditorAccounts, SecretStore, SignIn, SignInWay, UserToken } from './types.ts';
import { checkUserToken } from './userToken.ts';

export type { Account, DeviceCodePrompt, EditorAccounts, SecretStore, SignIn, SignInWay, UserToken } from './types.ts';

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
  /** Where the editor's own account may sign the user in: it takes an application that is registered for the editor. */
  editorAccounts?: EditorAccounts;
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
  readonly #editor: EditorFlow | undefined;
  readonly key: string;
  readonly ways: readonly SignInWay[];
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
    this.key = `${this.#authority.url} ${config.clientId}`.toLowerCase();
    this.#store = new CacheStore(deps.secrets, `agentId.signIn ${this.key}`, deps.logger);
    const { clientId } = config;
    if (deps.editorAccounts && this.#authority.worldwide) {
      const common = { authority: this.#authority, clientId, scope: config.scopes[0] ?? '', clock: this.#clock };
      this.#editor = new EditorFlow(deps.editorAccounts, common);
    }
    this.ways = ['deviceCode', 'browser', ...(this.#editor ? ['editorAccount' as const] : [])];
  }

  async accounts(): Promise<Account[]> {
    const cache = await this.#store.load();
    if (!cache) return [];
    const { msal } = await this.#open(new AbortController().signal, { cache });
    return this.#accounts(msal, cache);
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

  async switchTo(account: Account, signal: AbortSignal): Promise<UserToken | undefined> {
    const token = await this.silent({ account, forceRefresh: true, signal });
    signal.throwIfAborted();
    if (!token) return undefined;
    await this.#store.update(latest =>
      hasAccount(latest, account.id) ? { ...latest, Active: account.id } : undefined,
    );
    return token;
  }

  deviceCode({ claims, signal, onPrompt }: Parameters<SignIn['deviceCode']>[0]): Promise<UserToken> {
    return this.#interactive('deviceCode', signal, msal =>
      msal.acquireTokenByDeviceCode({
        scopes: this.#config.scopes,
        ...(claims && { claims }),
        deviceCodeCallback: code =>
          onPrompt({
            userCode: code.userCode,
            verificationUri: code.verificationUri,
            expiresAt: this.#clock.now() + code.expiresIn * 1000,
            message: code.message.replace(/\s+/g, ' ').slice(0, 500),
          }),
      }),
    );
  }

  browser({ claims, signal, ...options }: Parameters<SignIn['browser']>[0]): Promise<UserToken> {
    const { scopes } = this.#config;
    const request = { authority: this.#authority, scopes, ...(claims && { claims }), signal, clock: this.#clock };
    return this.#interactive('browser', signal, msal => acquireInBrowser(msal, request, options));
  }

  async editorAccount({ signal, ...options }: Parameters<SignIn['editorAccount']>[0]): Promise<UserToken> {
    if (!this.#editor) throw new Error('The editor’s account is not among the ways of this client.');
    signal.throwIfAborted();
    const token = await orAborted(this.#editor.ask(options), signal);
    signal.throwIfAborted();
    const { account } = token;
    await this.#store.update(latest => ({ ...latest, Editor: account, Active: account.id }));
    this.#remember(token);
    return token;
  }

  async signOut(): Promise<void> {
    this.#generation++;
    this.#tokens.clear();
    this.#current = undefined;
    await this.#store.clear();
  }

  async #interactive(
    way: SignInWay,
    signal: AbortSignal,
    acquire: (msal: PublicClientApplication) => Promise<AuthenticationResult | null>,
  ): Promise<UserToken> {
    signal.throwIfAborted();
    const { msal, network } = await this.#open(signal, { way });
    const result = await orAborted(acquire(msal), signal).catch((error: unknown) => {
      throw translate(error, network, signal);
    });
    const token = this.#accept(result);
    signal.throwIfAborted(); // the last moment at which a cancel wins; from here on the user is signed in
    const { id } = token.account;
    await this.#store.update(latest => ({ ...withAccount(latest, this.#changes(msal), id), Active: id }));
    this.#remember(token);
    return token;
  }

  /** Trades the refresh token for a new Tc; undefined when there is nobody to renew for. */
  async #renew(id: string | undefined, signal: AbortSignal, again = false): Promise<UserToken | undefined> {
    const generation = this.#generation;
    const cache = await this.#store.load();
    if (!cache) return undefined;
    const { msal, network } = await this.#open(signal, { cache });
    const wanted = id ?? (await this.#accounts(msal, cache))[0]?.id;
    if (cache.Editor && cache.Editor.id === wanted) return this.#renewWithEditor(cache.Editor, signal);
    const info = (await this.#known(msal)).find(candidate => candidate.homeAccountId === wanted);
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
      if (isBadToken(error) || isProtocolTracked(failure))
        await this.#store.update(latest => withoutRefreshTokens(latest, used));
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

  async #renewWithEditor(account: Account, signal: AbortSignal): Promise<UserToken | undefined> {
    const generation = this.#generation;
    const token = this.#editor && (await orAborted(this.#editor.renew(account), signal));
    if (!token) {
      await this.#forgetEditor(account);
      return undefined;
    }
    const cache = await this.#store.load();
    if (cache?.Editor?.id !== account.id || generation !== this.#generation) return undefined; // signed out meanwhile
    this.#remember(token);
    return token;
  }

  /** An account that is gone from the editor is signed out here; put back there for something else, it stays so. */
  async #forgetEditor({ id }: Account): Promise<void> {
    this.#tokens.delete(id);
    await this.#store.update(({ Active: active, ...latest }) =>
      latest.Editor?.id === id
        ? { ...latest, Editor: undefined, Active: active === id ? undefined : active }
        : undefined,
    );
  }

  async #open(
    signal: AbortSignal,
    { cache, way }: { cache?: SignInCache; way?: SignInWay },
  ): Promise<{ msal: PublicClientApplication; network: EntraNetwork }> {
    const { clientId, knownAuthority } = this.#config;
    const common = { authority: this.#authority, logger: this.#logger };
    const network = new EntraNetwork({
      ...common,
      fetch: this.#fetch,
      signal,
      clock: this.#clock,
      ...(way && { way }),
    });
    const msal = await createMsal({ ...common, known: knownAuthority === true, clientId, network });
    if (cache) msal.getTokenCache().deserialize(JSON.stringify(cache));
    return { msal, network };
  }

  /** Users of this tenant: the active one first, then by the age of their id token. */
  async #accounts(msal: PublicClientApplication, cache: SignInCache): Promise<Account[]> {
    const { Editor: editor, Active: active } = cache;
    const all = (await this.#known(msal)).map(toAccount);
    if (editor && (await this.#editor?.knows(editor))) all.push(editor);
    else if (editor) await this.#forgetEditor(editor);
    return all.sort((a, b) => Number(b.id === active) - Number(a.id === active));
  }

  async #known(msal: PublicClientApplication): Promise<AccountInfo[]> {
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

/**
 * A session that a device code began is refused for good once a policy blocks such flows (AADSTS530036 on a renewal):
 * its refresh token is of no more use (Microsoft Learn, "Conditional Access: Authentication flows", protocol tracking).
 */
function isProtocolTracked(error: unknown): boolean {
  return AgentIdError.is(error, 'signIn.blocked') && error.args.aadsts === 530036;
}
