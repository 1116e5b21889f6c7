// The far end of the benchmark, in a process of its own: an API server that forwards to one pod, and the pod.
import { Backend } from '../unit/cluster/support/world.ts';
import { FakeApiServer } from '../unit/cluster/support/fakeApiServer.ts';

const chunk = Buffer.alloc(256 * 1024, 'x');

const backend = await Backend.start((request, response) => {
  if (request.method === 'POST') {
    let bytes = 0;
    request.on('data', (data: Buffer) => (bytes += data.length));
    request.on('end', () => response.end(String(bytes)));
  } else if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n');
  } else if (request.url === '/large') {
    let left = 160; // 40 MiB
    const more = (): void => {
      while (left-- > 0) if (!response.write(chunk)) return void response.once('drain', more);
      response.end();
    };
    more();
  } else response.end('ok');
});
const server = await FakeApiServer.start();
server.backends.set('pod-a', backend.port);
console.log(server.origin);
process.on('disconnect', () => process.exit());
