import type { Connection } from '../agent/connection.ts';

export type TokenId = 'tc' | 'llm' | 'mcp';
export const TOKEN_IDS: readonly TokenId[] = ['tc', 'llm', 'mcp'];

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

/** What the connection holds now, without asking anybody: a turn may have replaced it since somebody looked. */
export function heldToken(connection: Connection, id: TokenId): string | undefined {
  if (id === 'tc') return connection.lastUserToken?.raw;
  return connection.broker.peek(apiOf(connection, id))?.raw;
}

/** When the token that the connection holds ends, in milliseconds since the epoch; Tc may have ended already. */
export function heldUntil(connection: Connection, id: TokenId): number | undefined {
  if (id === 'tc') return connection.lastUserToken?.expiresAt;
  return connection.broker.peek(apiOf(connection, id))?.expiresAt;
}

/** The sidecar's name of the API that a T2 is for. */
export function apiOf(connection: Connection, id: 'llm' | 'mcp'): string {
  return (id === 'llm' ? connection.configuration.llmApi : connection.configuration.mcpApi).value;
}

/** Audiences that a token of the row may have; undefined when the sidecar has no such API. */
export function audiencesOf(connection: Connection, id: TokenId): readonly string[] | undefined {
  const { audiences, blueprintAppId } = connection.configuration;
  if (id === 'tc') return [`api://${blueprintAppId.value}`];
  const api = apiOf(connection, id);
  return Object.hasOwn(audiences, api) ? audiences[api] : undefined;
}
