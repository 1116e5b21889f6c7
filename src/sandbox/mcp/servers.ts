export interface McpServerHandle {
  name: string;
  /** The streamable HTTP endpoint, e.g. `http://127.0.0.1:1234/api/mcp`. */
  url: string;
}

export interface McpServersOptions {
  clock?: { now(): number };
}

export interface RunningMcpServers {
  microsoft: McpServerHandle;
  exa: McpServerHandle;
  toolbox: McpServerHandle;
  /** All three, for the JSON's `direct.mcp`. */
  direct: McpServerHandle[];
  close(): Promise<void>;
}

/** Starts the sandbox's MCP servers on loopback, each on its own ephemeral port. */
export async function startMcpServers(_options: McpServersOptions = {}): Promise<RunningMcpServers> {
  throw new Error('not yet');
}
