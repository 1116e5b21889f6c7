/** What the composition gives the simulated AgentGateway. */
export interface GatewayOptions {
  /** Path of an AgentGateway 1.4 standalone YAML file; it is read once, at start. */
  file: string;
  /** Address to bind; loopback unless told. */
  host?: string;
  /** Listener port in place of the file's; 0 takes any free one. */
  port?: number;
  /** Receives the access log and the gateway's own messages, one line each, never a token. */
  log?: (line: string) => void;
  /** Milliseconds since the epoch, for token lifetimes. */
  clock?: { now(): number };
}

export interface RunningGateway {
  /** `http://127.0.0.1:<port>` */
  origin: string;
  port: number;
  close(): Promise<void>;
}

/** Starts a gateway from a genuine file; rejects with an error that names the path of any field it does not implement. */
export async function startGateway(_options: GatewayOptions): Promise<RunningGateway> {
  throw new Error('not yet');
}
