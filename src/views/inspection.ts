import type { Connection } from '../agent/connection.ts';
import { decodeToken, type DecodedToken } from '../identity/claims.ts';
import { classify, type Classification, type KnownApps } from '../identity/classify.ts';
import { exportTokens } from '../identity/exportTokens.ts';
import type { Pasted } from '../identity/pasted.ts';
import { judge, verifySignature, type Expectation, type Verdict } from '../identity/verify.ts';
import { audiencesOf, rawToken, TOKEN_IDS, type TokenId } from './inspectorTokens.ts';

/** A token that was read. It is in memory only, and of a pasted one nothing else is kept. */
export interface Held {
  raw: string;
  token: DecodedToken;
  classification: Classification;
  signature: Verdict;
  /** What it should be, as far as the connection knows. */
  expected: Expectation;
}

/** What came of asking for a token: each stands alone, one may fail beside good ones. */
export type Reading =
  | { kind: 'held'; held: Held }
  /** Encrypted for its audience: only the header can be read. */
  | { kind: 'encrypted'; header: Readonly<Record<string, string>> }
  | { kind: 'notConfigured' }
  | { kind: 'failed'; error: unknown };

export interface PastedToken {
  id: string;
  /** From 1, in the order in which they were pasted. */
  number: number;
  reading: Reading;
}

/** Pasted tokens at most: beside the three of the chain they fit into the view's limit. */
const MAX_PASTED = 10;

/**
 * What the inspector has looked at: the tokens of a connection and those that somebody pasted. It asks for tokens and
 * judges them; how that is shown is `inspectorRow` and its neighbours.
 */
export class Inspection {
  readonly #readings = new Map<TokenId, Reading>();
  readonly #pending = new Set<TokenId>();
  #pasted: PastedToken[] = [];
  #pastes = 0;

  get pasted(): readonly PastedToken[] {
    return this.#pasted;
  }

  reading(id: TokenId): Reading | undefined {
    return this.#readings.get(id);
  }

  /** True while a token is asked for; what was read before is still there. */
  isPending(id: TokenId): boolean {
    return this.#pending.has(id);
  }

  /** Forgets the tokens of the connection: another agent, another user, or none. Pasted ones stay. */
  clear(): void {
    this.#readings.clear();
    this.#pending.clear();
  }

  /** Asks for every token and judges it; `changed` is called when there is something new to show. */
  async load(connection: Connection, force: boolean, signal: AbortSignal, changed: () => void): Promise<void> {
    for (const id of TOKEN_IDS) this.#pending.add(id);
    changed();
    const one = async (id: TokenId) => {
      const reading = await read(connection, id, force, signal);
      signal.throwIfAborted();
      this.#readings.set(id, reading);
      this.#pending.delete(id);
      changed();
    };
    await one('tc'); // a forced T2 should be made from the new Tc
    await Promise.all([one('llm'), one('mcp')]);
  }

  /** Nothing is asked for any more. */
  settle(): void {
    this.#pending.clear();
  }

  /** Adds a pasted token and returns its id; the oldest makes way when there are too many. */
  async paste(pasted: Exclude<Pasted, { kind: 'unreadable' }>, connection: Connection | undefined): Promise<string> {
    const number = ++this.#pastes;
    const id = `pasted-${number}`;
    this.#pasted = [...this.#pasted, { id, number, reading: await readPasted(pasted, connection) }].slice(-MAX_PASTED);
    return id;
  }

  forget(id: string): void {
    this.#pasted = this.#pasted.filter(token => token.id !== id);
  }

  /** Every token that could be read. */
  get held(): Held[] {
    const readings = [...this.#readings.values(), ...this.#pasted.map(token => token.reading)];
    return readings.flatMap(reading => (reading.kind === 'held' ? [reading.held] : []));
  }

  /** The raw token of a row of the connection. */
  raw(id: TokenId): string | undefined {
    const reading = this.#readings.get(id);
    return reading?.kind === 'held' ? reading.held.raw : undefined;
  }

  /** Everything that was read as JSON, without what makes it a token; undefined when nothing was. `now` in milliseconds. */
  export(label: (id: TokenId | PastedToken) => string, now: number): string | undefined {
    const all = [
      ...TOKEN_IDS.map(id => ({ label: label(id), reading: this.#readings.get(id) })),
      ...this.#pasted.map(token => ({ label: label(token), reading: token.reading })),
    ];
    const tokens = all.flatMap(({ label: name, reading }) => {
      if (reading?.kind !== 'held') return [];
      const { raw, token, classification, signature, expected } = reading.held;
      return [{ label: name, raw, token, classification, verdicts: [signature, ...judge(token, expected, now)] }];
    });
    return tokens.length > 0 ? exportTokens(tokens, now) : undefined;
  }
}

/** The applications of a connection, by which tokens are told apart. */
export function appsOf(connection: Connection | undefined): KnownApps {
  if (!connection) return {};
  const { blueprintAppId, agentAppId } = connection.configuration;
  return { blueprintAppId: blueprintAppId.value, agentAppId: agentAppId.value };
}

async function read(connection: Connection, id: TokenId, force: boolean, signal: AbortSignal): Promise<Reading> {
  if (!audiencesOf(connection, id)) return { kind: 'notConfigured' };
  try {
    const raw = await rawToken(connection, id, force, signal);
    const token = decodeToken(raw);
    const signature = await verifySignature(raw, token, connection.signingKeys, signal);
    const classification = classify(token.claims, appsOf(connection));
    return { kind: 'held', held: { raw, token, classification, signature, expected: expectedOf(connection, id) } };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'failed', error };
  }
}

/** Offline: it is held against keys that are here already, none is asked for; and what it should be nobody said. */
async function readPasted(pasted: Exclude<Pasted, { kind: 'unreadable' }>, connection?: Connection): Promise<Reading> {
  if (pasted.kind === 'encrypted') return { kind: 'encrypted', header: pasted.header };
  const { raw, token } = pasted;
  const keys = connection?.signingKeys.has(token.header['kid']) ? connection.signingKeys : undefined;
  const signature = await verifySignature(raw, token, keys, new AbortController().signal);
  const classification = classify(token.claims, appsOf(connection));
  return {
    kind: 'held',
    held: { raw, token, classification, signature, expected: connection ? ofTenant(connection) : {} },
  };
}

function ofTenant({ authority, configuration }: Connection): Expectation {
  return { authority, tenantId: configuration.tenantId.value };
}

function expectedOf(connection: Connection, id: TokenId): Expectation {
  const { configuration, account, signingKeys } = connection;
  const { agentAppId, blueprintAppId, clientId } = configuration;
  const { clockOffset } = signingKeys;
  return {
    ...ofTenant(connection),
    audiences: audiencesOf(connection, id) ?? [],
    ...(account && { user: { oid: account.oid, tid: account.tid } }),
    ...(clockOffset !== undefined && { clockOffset }),
    ...(id === 'tc'
      ? { callerAppId: clientId.value }
      : { callerAppId: agentAppId.value, blueprintAppId: blueprintAppId.value }),
  };
}
