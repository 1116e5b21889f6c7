import type { Event } from '../base/event.ts';

/** A user who signed in, as the tenant of the authority knows them. */
export interface Account {
  /** MSAL's home account id: stable per user and home tenant. */
  id: string;
  username: string;
  name?: string;
  oid: string;
  tid: string;
}

/** Tc: the user's access token for the blueprint, checked on arrival. */
export interface UserToken {
  raw: string;
  /** Milliseconds since the epoch, from `exp`. */
  expiresAt: number;
  account: Account;
}

/** Where the sign-in is kept between sessions: the editor's secret storage, or memory for a sandbox. */
export interface SecretStore {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  readonly onDidChange?: Event<string>;
}

/** What the person needs to sign in on another page. */
export interface DeviceCodePrompt {
  /** Letters, digits and dashes only. */
  userCode: string;
  /** Checked: a page of the authority. */
  verificationUri: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  /** Entra's own instruction, one line. */
  message: string;
}

/** How a person can sign in. */
export type SignInWay = 'deviceCode' | 'browser' | 'editorAccount';

/** A session of the editor's own Microsoft account. */
export interface EditorSession {
  accessToken: string;
  account: { id: string; label: string };
}

/** The Microsoft accounts that the editor itself knows, behind its authentication API. */
export interface EditorAccounts {
  /** A session without asking anybody; undefined when there is none, or we may not use it. */
  silent(scopes: readonly string[], account: EditorSession['account']): Promise<EditorSession | undefined>;
  /** Asks the person, with `anew` although there is a session. Rejects with `cancelled` when they leave. */
  ask(
    scopes: readonly string[],
    options: { account?: EditorSession['account']; claims?: string; anew: boolean },
  ): Promise<EditorSession>;
  /** False once the person has removed the account from the editor. */
  knows(accountId: string): Promise<boolean>;
  readonly onDidChange: Event<string>;
}

interface Interactive {
  /** JSON text of the claims challenge that the sign-in answers. */
  claims?: string;
  signal: AbortSignal;
}

/**
 * Signing users in, for one authority and one client application. What is said of a device code holds for each way: an
 * abort takes effect at once, a sign-in that completes after it is dropped, and `signIn.*`, `userToken.*` is thrown.
 */
export interface SignIn {
  /** Names authority and client, e.g. to remember a choice for them. */
  readonly key: string;
  /** The ways that authority and client allow. */
  readonly ways: readonly SignInWay[];
  /** Users in the cache, the active one first; needs no network. */
  accounts(): Promise<Account[]>;
  /**
   * Tc without asking anybody: from memory, or with the refresh token. Without `account`: the user of the last call,
   * else the first of `accounts()`. Undefined when that user is not signed in; throws `signIn.*` or `userToken.*` when
   * Entra does not renew.
   */
  silent(options: { account?: Account; forceRefresh?: boolean; signal?: AbortSignal }): Promise<UserToken | undefined>;
  /** `silent` for a user who is the active one from then on, in the next window too. */
  switchTo(account: Account, signal: AbortSignal): Promise<UserToken | undefined>;
  /**
   * Signs a user in with a device code (RFC 8628). `claims` answers a claims challenge. An abort takes effect at once,
   * and a sign-in that completes after it is dropped. Throws `signIn.*` or `userToken.*`.
   */
  deviceCode(options: Interactive & { onPrompt: (prompt: DeviceCodePrompt) => void }): Promise<UserToken>;
  /** Signs a user in on Entra's page in a browser, whose answer comes to a port of this machine (RFC 8252 §7.3). */
  browser(options: Interactive & BrowserOptions): Promise<UserToken>;
  /** Signs a user in with the editor's own Microsoft account, with `anew` although it has one; only where `ways` has it. */
  editorAccount(options: Interactive & { account?: Account; anew?: boolean }): Promise<UserToken>;
  /** Forgets every user of this authority and client, here and in the secret store. */
  signOut(): Promise<void>;
}

export interface BrowserOptions {
  /** Opens Entra's page. */
  open: (address: string) => Promise<unknown>;
  /** The port of the browser's machine that leads to one of ours; the same one when both are one machine. */
  reach: (port: number) => Promise<number>;
  /** What the page says on which the browser ends, and in which language (BCP 47). */
  closing: { text: string; language: string };
  /** Who should sign in; without it the person chooses on the page. */
  account?: Account;
}
