import { createLocalJWKSet, type CompactVerifyGetKey } from 'jose';
import * as v from 'valibot';
import type { Clock } from '../base/clock.ts';
import type { Fetch } from '../base/fetch.ts';
import { SingleFlight } from '../base/singleFlight.ts';
import type { Authority } from './authority.ts';
import { networkReason, parseJson, readText } from './http.ts';

const TIMEOUT_MS = 15_000;
/** Entra's key sets are about 20 KiB: each of some ten keys carries its certificate. */
const MAX_ANSWER_BYTES = 512 * 1024;
const MAX_KEYS = 200;
/** Entra allows its discovery document to be kept that long (its `Cache-Control`). */
const KEEP_MS = 24 * 3600_000;
/** An unknown key id asks again no more often than this: anybody can write one into a token. */
const ASK_AGAIN_MS = 60_000;

const Discovery = v.object({ jwks_uri: v.string() });
const Keys = v.object({
  keys: v.pipe(v.array(v.looseObject({ kty: v.string(), kid: v.optional(v.string()) })), v.maxLength(MAX_KEYS)),
});

/** Why there are no keys: `host` is who was asked. */
export class KeysUnavailable extends Error {
  readonly host: string;
  readonly reason: string;
  constructor(host: string, reason: string, cause?: unknown) {
    super(`${host}: ${reason}`, { cause });
    this.host = host;
    this.reason = reason;
  }
}

interface KeySet {
  address: string;
  ids: ReadonlySet<string>;
  find: CompactVerifyGetKey;
  fetchedAt: number;
}

/**
 * The keys by which the tenant of an authority signs, from the address in its OpenID Connect discovery document (version
 * 2.0; the same keys sign version 1.0 tokens). Asked of the authority's own hosts only. Keys change without notice, so
 * nothing is pinned and an unknown key id asks once more (Microsoft Learn, "Signing key rollover").
 */
export class SigningKeys {
  readonly #authority: Authority;
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #flights = new SingleFlight<KeySet>();
  #keys: KeySet | undefined;
  #clockOffset: number | undefined;

  constructor(options: { authority: Authority; fetch: Fetch; clock: Clock }) {
    this.#authority = options.authority;
    this.#fetch = options.fetch;
    this.#clock = options.clock;
  }

  /** Who is asked. */
  get host(): string {
    return this.#authority.host;
  }

  /** Entra's clock minus ours in milliseconds, to about a second, from its last answer; undefined before the first. */
  get clockOffset(): number | undefined {
    return this.#clockOffset;
  }

  /** True where the tenant's keys were asked for already and that one is among them. Asks nobody. */
  has(kid: unknown): boolean {
    return typeof kid === 'string' && this.#keys?.ids.has(kid) === true;
  }

  /** The key of that id, for jose; undefined when the tenant has no such key. Throws `KeysUnavailable`. */
  async find(kid: string, signal: AbortSignal): Promise<CompactVerifyGetKey | undefined> {
    const held = this.#keys;
    const age = held ? this.#clock.now() - held.fetchedAt : Infinity;
    const enough = held && age < (held.ids.has(kid) ? KEEP_MS : ASK_AGAIN_MS);
    const keys = enough ? held : await this.#flights.run('', flight => this.#load(flight), signal);
    return keys.ids.has(kid) ? keys.find : undefined;
  }

  /**
   * The ids of the keys at an address, where it is the tenant's own and they can tell about a token: they have its key
   * `kid`, or were asked for after it was issued (milliseconds since the epoch). Asks nobody.
   */
  idsAt(address: string, kid: unknown, issuedAt: number | undefined): readonly string[] | undefined {
    const held = this.#keys;
    if (!held || URL.parse(address)?.href.toLowerCase() !== held.address) return undefined;
    const tells = (typeof kid === 'string' && held.ids.has(kid)) || (issuedAt ?? Infinity) <= held.fetchedAt;
    return tells ? [...held.ids] : undefined;
  }

  async #load(signal: AbortSignal): Promise<KeySet> {
    const address = `${this.#authority.url}/v2.0/.well-known/openid-configuration`;
    const { jwks_uri: keysAddress } = await this.#get(address, Discovery, 'no discovery document', signal);
    const host = URL.parse(keysAddress)?.host ?? new URL(address).host;
    if (!this.#authority.trusts(keysAddress))
      throw new KeysUnavailable(host, `not one of the hosts of ${this.#authority.url}`);
    const { keys } = await this.#get(keysAddress, Keys, 'no key set', signal);
    const usable = keys.filter((key, n) => key.kid && keys.findIndex(({ kid }) => kid === key.kid) === n);
    this.#keys = {
      address: new URL(keysAddress).href.toLowerCase(),
      ids: new Set(usable.flatMap(({ kid }) => kid ?? [])),
      find: createLocalJWKSet({ keys: usable }),
      fetchedAt: this.#clock.now(),
    };
    return this.#keys;
  }

  async #get<T>(url: string, schema: v.GenericSchema<unknown, T>, problem: string, signal: AbortSignal): Promise<T> {
    const { host } = new URL(url);
    let body: unknown;
    try {
      const response = await this.#fetch(url, {
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      this.#seeTime(response.headers);
      const text = await readText(response, MAX_ANSWER_BYTES);
      if (response.status !== 200) throw new KeysUnavailable(host, `status ${response.status}`);
      body = text === undefined ? undefined : parseJson(text);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof KeysUnavailable ? error : new KeysUnavailable(host, networkReason(error), error);
    }
    const parsed = v.safeParse(schema, body);
    if (!parsed.success) throw new KeysUnavailable(host, problem);
    return parsed.output;
  }

  /** An answer out of a proxy's cache is as old as its `Age` says (RFC 9111 §5.1). */
  #seeTime(headers: Headers): void {
    const date = Date.parse(headers.get('date') ?? '');
    const age = Number(headers.get('age') ?? 0);
    if (Number.isFinite(date) && Number.isFinite(age)) this.#clockOffset = date + age * 1000 - this.#clock.now();
  }
}
