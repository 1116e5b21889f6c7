import { homedir } from 'node:os';
import path from 'node:path';

/** The project's root folder. */
export const root = path.dirname(path.dirname(import.meta.dirname));

/** What the last build, package and test runs left for a person to look at; ignored by git. */
export const outDirectory = path.join(root, 'out');

/** Where fetched programs live; scripts/run.mjs decides and says it in the environment. */
export function cacheDirectory(): string {
  return (
    process.env.AGENT_ID_CACHE ??
    path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'agent-id-vscode')
  );
}
