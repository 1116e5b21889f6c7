import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Containerd } from './containerd.ts';

/**
 * What API server and kubelet do for a port-forward: ask the runtime for an address, hand it the upgrade as it came, and
 * copy bytes. The pod list has the one pod.
 */
export async function startFront(containerd: Containerd): Promise<{ origin: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((_request, response) => {
    const metadata = { name: 'pod', creationTimestamp: '2026-01-01T00:00:00Z' };
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ items: [{ metadata, spec: { containers: [] }, status }] }));
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket, head) => {
    const port = Number(new URL(request.url ?? '/', 'http://localhost').searchParams.get('ports'));
    containerd.portForward(port).then(
      url => {
        const runtime = connect({ host: url.hostname, port: Number(url.port) });
        const lines = [`GET ${url.pathname}${url.search} HTTP/1.1`, `host: ${url.host}`];
        for (const [name, value] of Object.entries(request.headers))
          if (name !== 'host' && name !== 'authorization') lines.push(`${name}: ${String(value)}`);
        runtime.write(`${lines.join('\r\n')}\r\n\r\n`);
        runtime.write(head);
        runtime.on('error', () => socket.destroy());
        socket.on('error', () => runtime.destroy());
        socket.pipe(runtime).pipe(socket);
        socket.once('close', () => runtime.destroy());
      },
      () => socket.destroy(),
    );
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>(resolve => server.close(() => resolve()));
    },
  };
}
