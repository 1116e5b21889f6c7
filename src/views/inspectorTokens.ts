import type { Connection } from '../agent/connection.ts';
import { decodeToken, fingerprint, summarize, type DecodedToken } from '../identity/claims.ts';
import { explainClaims } from '../identity/explain.ts';
import { claimText } from './messages/token.ts';
import type { Translate } from './messages/catalogue.ts';
import { clip, LIMITS, type Failure } from '../protocol/common.ts';
import type { InspectedToken, TokenDetails } from '../protocol/inspector.ts';
import { knownNames } from './names.ts';

export type TokenId = 'tc' | 'llm' | 'mcp';
export const TOKEN_IDS: readonly TokenId[] = ['tc', 'llm', 'mcp'];

export interface TokenWords {
  translate: Translate;
  label(id: TokenId): string;
  notConfigured(api: string): string;
  say(error: unknown): Failure;
}

/** The raw token of a row: `force` asks for a new one. Throws what sign-in or exchange throws. */
export async function rawToken(
  connection: Connection,
  id: TokenId,
  force: boolean,
  signal: AbortSignal,
): Promise<string> {
  if (id === 'tc') return (await connection.userToken({ forceRefresh: force, signal })).raw;
  return (await connection.broker.get(apiOf(connection, id), { forceRefresh: force, signal })).raw;
}

/** One row, whatever happens: a token that can't be had or read says why, beside rows that are fine. */
export async function inspect(
  connection: Connection,
  id: TokenId,
  force: boolean,
  words: TokenWords,
  signal: AbortSignal,
): Promise<InspectedToken> {
  const base = { id, label: words.label(id) };
  if (id !== 'tc' && !Object.hasOwn(connection.configuration.audiences, apiOf(connection, id))) {
    return { ...base, status: { kind: 'notConfigured', reason: words.notConfigured(apiOf(connection, id)) } };
  }
  try {
    const raw = await rawToken(connection, id, force, signal);
    const token = decodeToken(raw);
    const { aud, sub, appid } = summarize(token.claims);
    const expired = token.expiresAt !== undefined && token.expiresAt <= Date.now();
    return {
      ...base,
      aud: clip(aud, LIMITS.claimValue),
      sub: clip(sub, LIMITS.claimValue),
      appid: clip(appid, LIMITS.claimValue),
      status: { kind: expired ? 'expired' : 'ok' },
      details: details(raw, token, connection, words),
    };
  } catch (error) {
    signal.throwIfAborted();
    return { ...base, status: { kind: 'error', failure: words.say(error) } };
  }
}

function apiOf(connection: Connection, id: 'llm' | 'mcp'): string {
  return (id === 'llm' ? connection.configuration.llmApi : connection.configuration.mcpApi).value;
}

function details(raw: string, token: DecodedToken, connection: Connection, words: TokenWords): TokenDetails {
  const header = Object.entries(token.header).map(([name, value]) => ({
    name: clip(name, LIMITS.line),
    value: clip(typeof value === 'string' ? value : JSON.stringify(value), LIMITS.claimValue),
  }));
  const { configuration } = connection;
  const apps = { blueprintAppId: configuration.blueprintAppId.value, agentAppId: configuration.agentAppId.value };
  const claims = explainClaims(token, knownNames(connection), apps).map(row => claimText(words.translate, row));
  return {
    ...(token.version && { version: token.version }),
    header: header.slice(0, LIMITS.claims),
    claims: claims.slice(0, LIMITS.claims),
    ...(token.expiresAt !== undefined && { expiresAt: token.expiresAt }),
    fingerprint: fingerprint(raw),
    length: raw.length,
  };
}
