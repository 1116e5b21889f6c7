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

/** Signing users in, for one authority and one client application. */
export interface SignIn {
  /** Users in the cache, the one who was active last first; needs no network. */
  accounts(): Promise<Account[]>;
  /**
   * Tc without asking anybody: from memory, or with the refresh token. Without `account`: the user of the last call,
   * else the first of `accounts()`. Undefined when that user is not signed in; throws `signIn.*` or `userToken.*` when
   * Entra does not renew.
   */
  silent(options: { account?: Account; forceRefresh?: boolean; signal?: AbortSignal }): Promise<UserToken | undefined>;
  /**
   * Signs a user in with a device code (RFC 8628). `claims` answers a claims challenge. An abort takes effect at once,
   * and a sign-in that completes after it is dropped. Throws `signIn.*` or `userToken.*`.
   */
  deviceCode(options: {
    onPrompt(prompt: DeviceCodePrompt): void;
    claims?: string;
    signal: AbortSignal;
  }): Promise<UserToken>;
  /** Forgets every user of this authority and client, here and in the secret store. */
  signOut(): Promise<void>;
}
