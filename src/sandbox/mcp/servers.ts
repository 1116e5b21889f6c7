import * as v from 'valibot';
import { docsTools } from './docsServer.ts';
import { McpHost } from './host.ts';
import { toolbox } from './toolbox.ts';
import { simulated, text, type Tool } from './tools.ts';
import { webTools } from './webServer.ts';

export interface McpServerHandle {
  name: string;
  /** The streamable HTTP endpoint, e.g. `http://127.0.0.1:1234/api/mcp`. */
  url: string;
}

export interface McpServersOptions {
  /** Milliseconds since the epoch, for the tool that tells the time. */
  clock?: { now(): number };
}

export interface RunningMcpServers {
  microsoft: McpServerHandle;
  exa: McpServerHandle;
  toolbox: McpServerHandle;
  /** All three, for the JSON's `direct.mcp`. */
  direct: McpServerHandle[];
  /** Switches for the control endpoint. */
  panel: {
    /** Per server: whether it is down, how many requests it had, and how many of them carried an `Authorization`. */
    read(): Record<string, { down: boolean; extraTool: boolean; requests: number; authorized: number }>;
    /** `{server, down?, extraTool?, dropSessions?}`; throws on anything else. */
    apply(body: unknown): unknown;
    reset(): void;
  };
  close(): Promise<void>;
}

/** A tool that comes and goes, so that clients can be seen to follow `notifications/tools/list_changed`. */
const extraTool: Tool = {
  name: 'extra_tool',
  title: 'A tool that was added later',
  description: simulated('Say that this tool was added while clients were connected.'),
  inputSchema: { type: 'object', properties: {} },
  annotations: { readOnlyHint: true },
  run: () => text('This tool was added while you were connected.'),
};

const change = v.strictObject({
  server: v.picklist(['microsoft', 'exa-ai', 'toolbox']),
  down: v.optional(v.boolean()),
  extraTool: v.optional(v.boolean()),
  dropSessions: v.optional(v.literal(true)),
});

/**
 * Starts the sandbox's MCP servers on loopback, each on its own ephemeral port: the two targets of the gateway, with
 * the paths of the reference, and one server that stands alone.
 */
export async function startMcpServers(options: McpServersOptions = {}): Promise<RunningMcpServers> {
  const definitions = [
    {
      name: 'microsoft',
      title: 'Documentation (sandbox)',
      path: '/api/mcp',
      instructions:
        'Simulated documentation server of the Agent ID sandbox. Search first, then fetch a page by its URL.',
      tools: docsTools,
    },
    {
      name: 'exa-ai',
      title: 'Web search (sandbox)',
      path: '/mcp',
      instructions: 'Simulated web search of the Agent ID sandbox. Its web is a handful of pages of our own.',
      tools: webTools,
    },
    {
      name: 'toolbox',
      title: 'Toolbox (sandbox)',
      path: '/mcp',
      instructions: 'Simulated small tools of the Agent ID sandbox, reached without the gateway.',
      tools: toolbox(options.clock ?? Date),
    },
  ] as const;
  const hosts = new Map<string, McpHost>();
  const withExtraTool = new Set<string>();
  for (const definition of definitions) hosts.set(definition.name, await McpHost.start(definition));
  const handle = (name: string): McpServerHandle => ({ name, url: hosts.get(name)?.url ?? '' });

  const setExtraTool = (name: string, on: boolean) => {
    if (on) withExtraTool.add(name);
    else withExtraTool.delete(name);
    return hosts.get(name)?.setExtraTools(on ? [extraTool] : []);
  };
  const panel: RunningMcpServers['panel'] = {
    read: () =>
      Object.fromEntries(
        [...hosts].map(([name, { down, requests, authorized }]) => [
          name,
          { down, extraTool: withExtraTool.has(name), requests, authorized },
        ]),
      ),
    apply(body) {
      const wanted = v.parse(change, body);
      const host = hosts.get(wanted.server);
      if (host && wanted.down !== undefined) host.down = wanted.down;
      if (wanted.extraTool !== undefined) void setExtraTool(wanted.server, wanted.extraTool);
      if (wanted.dropSessions) void host?.dropSessions();
      return panel.read();
    },
    reset() {
      for (const [name, host] of hosts) {
        host.down = false;
        if (withExtraTool.has(name)) void setExtraTool(name, false);
      }
    },
  };
  return {
    microsoft: handle('microsoft'),
    exa: handle('exa-ai'),
    toolbox: handle('toolbox'),
    direct: definitions.map(({ name }) => handle(name)),
    panel,
    close: async () => {
      await Promise.all([...hosts.values()].map(host => host.close()));
    },
  };
}
