import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { AgentIdError, describe } from '../base/errors.ts';

const worldSchema = v.object({
  version: v.literal(1),
  authority: v.pipe(v.string(), v.url(), v.startsWith('https://')),
  caFile: v.nullish(v.string()),
  kubeconfig: v.string(),
  context: v.string(),
  namespace: v.string(),
  agents: v.array(v.object({ deployment: v.string() })),
  login: v.nullish(v.object({ url: v.string() })),
});

/**
 * The part of the connection JSON (version 1, docs/architecture.md) that the extension uses: where to sign in and which
 * cluster to ask. Identities come from the cluster, as they would outside the sandbox.
 */
export type World = v.InferOutput<typeof worldSchema>;

/** Parses what the sandbox says of itself. Throws `agent.connectionFile` with the first thing that is wrong. */
export function parseWorld(value: unknown, path: string): World {
  const parsed = v.safeParse(worldSchema, value);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  throw new AgentIdError('agent.connectionFile', {
    path,
    problem: `${v.getDotPath(issue) ?? ''} ${issue.message}`.trim(),
  });
}

/** Reads a connection file. Throws `agent.connectionFile`. */
export async function readWorld(path: string, signal?: AbortSignal): Promise<World> {
  try {
    return parseWorld(JSON.parse(await readFile(path, { encoding: 'utf8', signal })), path);
  } catch (error) {
    if (AgentIdError.is(error)) throw error;
    throw new AgentIdError('agent.connectionFile', { path, problem: describe(error) }, { cause: error });
  }
}
