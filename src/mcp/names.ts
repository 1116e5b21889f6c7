import { createHash } from 'node:crypto';
import type { ToolInfo } from './types.ts';

/** What OpenAI takes as a function name. */
export const MODEL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** A tool to be named for the model. */
export interface Nameable {
  serverId: string;
  /** Short form of the server's id: `[a-z0-9-]+`. */
  slug: string;
  kind: 'gateway' | 'direct';
  /** As the server lists it. */
  tool: string;
}

/**
 * A name for each tool that a model may use, in the order given: unique, and the same whatever the order and whatever
 * other servers there are, as long as no two tools want the same name. Tools of the gateway keep their own name
 * (`<target>_<tool>` says enough); those of other servers get the server's slug in front. A name that had to be cut or
 * altered, or that is taken, ends in a digest of server and tool.
 */
export function modelNames(tools: readonly Nameable[]): string[] {
  const names = new Map<Nameable, string>();
  const taken = new Set<string>();
  // The gateway's come first, so that no server that a person adds can take a name away from them.
  for (const tool of [...tools].sort(compare)) {
    for (const name of candidates(tool)) {
      if (taken.has(name)) continue;
      taken.add(name);
      names.set(tool, name);
      break;
    }
  }
  return tools.map(tool => names.get(tool)!);
}

function compare(a: Nameable, b: Nameable): number {
  const key = (tool: Nameable) => [tool.kind === 'gateway' ? 0 : 1, tool.serverId, tool.tool] as const;
  const [left, right] = [key(a), key(b)];
  for (const index of [0, 1, 2] as const) {
    if (left[index] !== right[index]) return left[index] < right[index] ? -1 : 1;
  }
  return 0;
}

/** Names from the nicest to one that nobody else can have. */
function* candidates({ kind, slug, serverId, tool }: Nameable): Generator<string> {
  const prefixed = `${slug}__${tool}`;
  yield* (kind === 'gateway' ? [tool, prefixed] : [prefixed]).filter(name => MODEL_NAME.test(name));
  const digest = createHash('sha256')
    .update(JSON.stringify([serverId, tool]))
    .digest('hex');
  const base = (kind === 'gateway' ? tool : prefixed).replace(/[^a-zA-Z0-9_-]+/g, '_');
  for (const length of [8, 16, 32, 64])
    yield `${base.slice(0, Math.max(0, 63 - length))}${length < 63 ? '_' : ''}${digest.slice(0, length)}`;
}

export interface ToolGroup {
  /** Name of the target. */
  target: string;
  /** `name` is the tool's name at its target. */
  tools: { name: string; tool: ToolInfo }[];
}

/**
 * The target that a name of a multiplexed list belongs to, and the tool's name there: names are `<target>_<tool>`, and no
 * target name contains `_` (agentgateway v1.4.1 crates/agentgateway/src/mcp/handler.rs). A single target has no prefix;
 * a name with no known prefix (`prefixMode: never`) has no target that we know.
 */
export function targetOf(name: string, targets: readonly string[]): { target?: string; ownName: string } {
  if (targets.length === 1) return { target: targets[0]!, ownName: name };
  const target = targets.find(candidate => name.startsWith(`${candidate}_`));
  return target === undefined ? { ownName: name } : { target, ownName: name.slice(target.length + 1) };
}

/** The tools of a list per target, in the order of the targets, those without tools too; what has none is `other`, last. */
export function groupByTarget(tools: readonly ToolInfo[], targets: readonly string[]): ToolGroup[] {
  const groups = targets.map((target): ToolGroup => ({ target, tools: [] }));
  const other: ToolGroup = { target: 'other', tools: [] };
  for (const tool of tools) {
    const { target, ownName } = targetOf(tool.name, targets);
    const group = groups.find(candidate => candidate.target === target) ?? other;
    group.tools.push({ name: ownName, tool });
  }
  return other.tools.length > 0 ? [...groups, other] : groups;
}
