import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fingerprint } from '../../../src/identity/claims.ts';

/** One request as it came by. */
export interface Passed {
  path: string;
  /** JSON-RPC method; undefined on the model's route. */
  rpc?: string;
  /** Of the bearer; undefined without one. */
  token?: string;
  status: number;
}

/** A proxy in front of a gateway that notes what comes by, and what was answered. */
export interface GatewayWatch {
  /** `host:port` */
  address: string;
  passed: Passed[];
  close(): void;
}

/** `answered` is awaited when the gateway has answered and its answer is still on the way, ahead of the first byte. */
export async function watchGateway(
  origin: string,
  answered: (request: Passed) => Promise<unknown> | undefined,
): Promise<GatewayWatch> {
  const passed: Passed[] = [];
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method, url = '/', headers } = request;
    const body = Buffer.concat(await request.toArray());
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const onward = send(new URL(url, origin), { method, headers }, resolve).once('error', reject);
    response.once('close', () => onward.destroy());
    onward.end(body);
    const answer = await promise;
    const { method: rpc } = JSON.parse(body.toString() || '{}') as { method?: string };
    const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
    const item: Passed = {
      path: new URL(url, origin).pathname,
      ...(rpc && { rpc }),
      ...(bearer && { token: fingerprint(bearer) }),
      status: answer.statusCode ?? 0,
    };
    passed.push(item);
    await answered(item);
    response.writeHead(item.status, answer.headers);
    response.flushHeaders();
    answer.pipe(response);
  };
  const server = createServer((request, response) => void pass(request, response).catch(() => response.destroy()));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
