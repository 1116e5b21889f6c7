import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Disposable } from '../base/disposable.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Event } from '../base/event.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import type { KubeApi } from './kubeApi.ts';
import { loadUndici } from './libraries.ts';
import { LINK_TIMES, type LinkTimes } from './patience.ts';
import { HEADERS_TIMEOUT_MS, tunnelFetch } from './tunnelFetch.ts';
import { TunnelLink, type TunnelState } from './tunnelLink.ts';

export type { TunnelState };

/** HTTP into the pods of a Deployment, with no port on this machine. */
export interface Tunnel extends Disposable {
  /** What URLs of this tunnel start with; a name that resolves nowhere, so that nothing leaks past the tunnel. */
  readonly origin: string;
  /** See `tunnelFetch` for what it repeats and throws. */
  readonly fetch: Fetch;
  readonly state: TunnelState;
  readonly onDidChangeState: Event<TunnelState>;
  /** Ends all requests; settles when every connection is gone. */
  close(): Promise<void>;
}

/** A kept-alive connection of the pod's server is dropped by us first: Kestrel would at 130 s, the gateway at 10 min. */
const KEEP_ALIVE_MS = 60_000;

/**
 * Opens a tunnel. It resolves at once and dials in the background; what stands in the way shows in `state`, and in the
 * error of the first request. At most `connections` requests run at a time (a live stream counts), others wait.
 */
export async function openTunnel(options: {
  api: KubeApi;
  name: 'sidecar' | 'gateway';
  namespace: string;
  selector: Record<string, string>;
  port: number;
  connections: number;
  logger: Logger;
  /** For tests. */
  times?: Partial<LinkTimes>;
  clock?: Clock;
}): Promise<Tunnel> {
  const { name, port, connections, times, ...rest } = options;
  const undici = await loadUndici();
  const link = new TunnelLink({ ...rest, name, port }, { ...LINK_TIMES, ...times });
  const pool = new undici.Pool(`http://localhost:${port}`, {
    connections,
    pipelining: 1,
    allowH2: false,
    headersTimeout: HEADERS_TIMEOUT_MS,
    bodyTimeout: 0, // a stream may be silent for long: the link's heartbeat tells a slow answer from a dead path
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connect: (_options, callback) => {
      link.connect().then(
        stream => callback(null, stream as unknown as Socket), // undici uses of a socket only what the stream has
        (error: unknown) => callback(error as Error, null),
      );
    },
  });
  const origin = `http://${name}.invalid`;
  const close = async () => {
    await Promise.all([pool.destroy(new AgentIdError('tunnel.closed', { name })), link.close()]);
  };
  return {
    origin,
    fetch: tunnelFetch({ undici, pool, link, name, origin }),
    get state() {
      return link.state;
    },
    onDidChangeState: link.onDidChangeState,
    close,
    dispose: () => void close(),
  };
}
