import type { RequestId, JsonObject } from './jsonrpc.ts';
import type { Names } from './names.ts';

/** AgentGateway's version as it introduces itself. */
const VERSION = '1.4.1';
const PREAMBLE =
  'A gateway to several MCP servers: it sends each request to the one that it is for and joins their lists.';

export interface TargetResult {
  target: string;
  result: JsonObject;
}

/** Makes one result of those of the targets that answered, in the file's order. */
export type Merge = (results: TargetResult[]) => JsonObject;
export type Allowed = (kind: 'tool' | 'prompt' | 'resource', target: string, name: string) => boolean;

const incompatible = (method: string) => new Error(`upstream returned a result incompatible with \`${method}\``);

/** The four lists: where their items are, how the client names one, and as what the rules judge it. */
const LISTS = {
  'tools/list': { items: 'tools', key: 'name', kind: 'tool' },
  'prompts/list': { items: 'prompts', key: 'name', kind: 'prompt' },
  'resources/list': { items: 'resources', key: 'uri', kind: 'resource' },
  'resources/templates/list': { items: 'resourceTemplates', key: 'uriTemplate', kind: 'resource' },
} as const;

export type ListMethod = keyof typeof LISTS;
export const isListMethod = (method: string): method is ListMethod => Object.hasOwn(LISTS, method);

/**
 * Joins lists: what the rules refuse is left out without a word, the rest is renamed. `nextCursor` is lost, so a client
 * sees only each target's first page (agentgateway issue #3476).
 */
export function mergeList(method: ListMethod, names: Names, allowed: Allowed): Merge {
  const { items: property, key, kind } = LISTS[method];
  return results => {
    const lists = results.map(({ target, result }) => {
      const items = result[property];
      if (!Array.isArray(items)) throw incompatible(method);
      return { target, items: items as JsonObject[] };
    });
    const everyName = lists.flatMap(({ items }) => items.map(item => String(item[key])));
    const twice = new Set(
      names.needsResolution && key === 'name'
        ? everyName.filter((name, index) => everyName.indexOf(name) !== index)
        : [],
    );
    const merged = lists.flatMap(({ target, items }) =>
      items
        .map(item => ({ item, name: String(item[key]) }))
        .filter(({ name }) => !twice.has(name) && allowed(kind, target, name))
        .map(({ item, name }) => ({
          ...item,
          [key]: key === 'name' ? names.outward(target, name) : names.outwardUri(target, name),
        })),
    );
    return { [property]: merged };
  };
}

/** One target's introduction passes as it is; several are spoken for by the gateway. */
export function mergeInitialize(names: Names, requested: string): Merge {
  return results => {
    const [only] = results;
    if (!names.multiplexing) {
      if (!only || typeof only.result.protocolVersion !== 'string') throw incompatible('initialize');
      return only.result;
    }
    let protocolVersion = requested;
    let instructions = PREAMBLE;
    for (const { target, result } of results) {
      if (typeof result.protocolVersion !== 'string') throw incompatible('initialize');
      if (result.protocolVersion < protocolVersion) protocolVersion = result.protocolVersion;
      if (typeof result.instructions === 'string' && result.instructions !== '')
        instructions += `\n\n[${target}]\n${result.instructions}`;
    }
    return {
      protocolVersion,
      capabilities: {
        prompts: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        tools: { listChanged: true },
      },
      serverInfo: { name: 'agentgateway', version: VERSION },
      instructions,
    };
  };
}

export const mergeEmpty: Merge = () => ({});

/** The id under which the gateway asks a target on its own account. */
let asked = 0;
export const ownRequestId = (): RequestId => `agw-resolve-${asked++}`;
