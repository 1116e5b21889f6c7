import * as v from 'valibot';
import { describe } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { identityError } from './errors.ts';
import { parseJson } from './http.ts';
import type { Account, SecretStore } from './types.ts';

const Entities = v.optional(v.record(v.string(), v.looseObject({ home_account_id: v.optional(v.string()) })), {});

const EditorAccount: v.GenericSchema<unknown, Account> = v.object({
  id: v.string(),
  username: v.string(),
  oid: v.string(),
  tid: v.string(),
});

/** MSAL's cache format, the same in all of its languages; only what we must understand of it. The last two are ours. */
const Cache = v.object({
  Account: Entities,
  IdToken: Entities,
  AccessToken: Entities,
  RefreshToken: v.optional(
    v.record(v.string(), v.looseObject({ home_account_id: v.optional(v.string()), secret: v.string() })),
    {},
  ),
  AppMetadata: Entities,
  /** The user who signed in, or was chosen, last. */
  Active: v.optional(v.string()),
  /** The editor's account that stands for a user here; its tokens stay with the editor. */
  Editor: v.optional(EditorAccount),
});

export type SignInCache = v.InferOutput<typeof Cache>;

const OWNED = ['Account', 'IdToken', 'RefreshToken'] as const;
const ROUNDS = 3;

export function parseCache(text: string): SignInCache | undefined {
  const parsed = v.safeParse(Cache, parseJson(text));
  return parsed.success ? parsed.output : undefined;
}

export function hasAccount(cache: SignInCache, accountId: string): boolean {
  if (cache.Editor?.id === accountId) return true;
  return Object.values(cache.Account).some(account => account.home_account_id === accountId);
}

/** The refresh tokens of an account, to see whether another window has newer ones. */
export function refreshTokens(cache: SignInCache, accountId: string): string[] {
  return Object.values(cache.RefreshToken)
    .filter(token => token.home_account_id === accountId)
    .map(token => token.secret);
}

/** `latest` with everything that `mine` knows about one account; what other windows know about others stays theirs. */
export function withAccount(latest: SignInCache, mine: SignInCache, accountId: string): SignInCache {
  const merged: SignInCache = structuredClone(latest);
  for (const section of OWNED) {
    const own = Object.entries(mine[section]).filter(([, entity]) => entity.home_account_id === accountId);
    Object.assign(merged[section], Object.fromEntries(own));
  }
  return merged;
}

export function withoutRefreshTokens(latest: SignInCache, secrets: readonly string[]): SignInCache {
  const kept = Object.entries(latest.RefreshToken).filter(([, token]) => !secrets.includes(token.secret));
  return { ...latest, RefreshToken: Object.fromEntries(kept) };
}

/**
 * The sign-in of one authority and client in the secret store. Several windows share it and there is no lock, so a change
 * is made to what is stored now, and made again until it reads back. Access tokens are left out: they stay in memory.
 */
export class CacheStore {
  readonly #secrets: SecretStore;
  readonly #key: string;
  readonly #logger: Logger;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(secrets: SecretStore, key: string, logger: Logger) {
    this.#secrets = secrets;
    this.#key = key;
    this.#logger = logger;
  }

  /** What is stored; undefined when nothing is, or nothing that can be read. Throws `signIn.secretStorage`. */
  async load(): Promise<SignInCache | undefined> {
    const text = await attempt(() => this.#secrets.get(this.#key));
    if (text === undefined) return undefined;
    const cache = parseCache(text);
    if (!cache) this.#logger.warn('The stored sign-in is not readable and counts as absent.');
    return cache;
  }

  /**
   * Applies a change and resolves with what is stored then; a change that returns undefined leaves everything as it is.
   * Throws `signIn.secretStorage`.
   */
  update(change: (latest: SignInCache) => SignInCache | undefined): Promise<SignInCache | undefined> {
    return this.#queued(async () => {
      for (let round = 1; ; round++) {
        const stored = await this.load();
        const changed = change(stored ?? v.parse(Cache, {}));
        if (!changed) return undefined;
        const next = v.parse(Cache, { ...changed, AccessToken: {} }); // the same order of fields as what is read
        const text = JSON.stringify(next);
        if ((stored && JSON.stringify(stored) === text) || round > ROUNDS) return next;
        await attempt(() => this.#secrets.set(this.#key, text));
      }
    });
  }

  /** Forgets everything. Throws `signIn.secretStorage`. */
  clear(): Promise<void> {
    return this.#queued(() => attempt(() => this.#secrets.delete(this.#key)));
  }

  #queued<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }
}

async function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw identityError('signIn.secretStorage', { reason: describe(error) }, error);
  }
}
