// The process in the pod: HTTP on 127.0.0.1:5000 of its network namespace.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const MIB = 1024 * 1024;
const chunk = Buffer.alloc(MIB, 'abcdefgh');

const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const count = Number(url.searchParams.get('mib') ?? 1);
  switch (url.pathname) {
    case '/caller':
      return void response.end(request.socket.remoteAddress);
    case '/download': {
      // without a length the end of the connection is the end of the body
      if (url.searchParams.has('untold')) response.useChunkedEncodingByDefault = false;
      else response.setHeader('content-length', count * MIB);
      let left = count;
      const more = (): void => {
        while (left-- > 0) if (!response.write(chunk)) return void response.once('drain', more);
        response.end();
      };
      return more();
    }
    case '/upload': {
      const hash = createHash('sha256');
      let bytes = 0;
      request.on('data', (data: Buffer) => (hash.update(data), (bytes += data.length)));
      return void request.on('end', () => response.end(`${bytes} ${hash.digest('hex')}`));
    }
    case '/events': {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let event = 0;
      const timer = setInterval(() => response.write(`data: ${event++}\n\n`), 50);
      return void request.on('close', () => clearInterval(timer));
    }
    case '/hang-up':
      response.end('bye');
      return void setTimeout(() => request.socket.end(), 20);
    default:
      return void response.end('ok');
  }
});
server.listen(5000, '127.0.0.1', () => console.log('listening'));
