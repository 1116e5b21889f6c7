import { createHash, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';

/** A connection that answered 101, or what it answered instead. */
export type UpgradeResult =
  { upgraded: true; socket: Duplex } | { upgraded: false; status: number; body: string; reason: string };

const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455, section 1.3
const BODY_LIMIT = 64 * 1024;

/**
 * Opens a WebSocket by our own handshake (RFC 6455, section 4), so that the connection, its certificates and its proxy are
 * the dispatcher's. `dispatch` and not `upgrade`: the latter forgets status and body of a refusal. The first frames
 * may already wait in the socket, which comes paused.
 * @throws what undici throws when no answer comes, and the signal's reason
 */
export function openWebSocket(
  dispatcher: Dispatcher,
  request: { origin: string; path: string; headers: Record<string, string>; protocol: string },
  signal: AbortSignal,
): Promise<UpgradeResult> {
  const key = randomBytes(16).toString('base64');
  const accept = createHash('sha1')
    .update(key + WEBSOCKET_GUID)
    .digest('base64');
  const headers = {
    ...request.headers,
    'sec-websocket-version': '13',
    'sec-websocket-key': key,
    'sec-websocket-protocol': request.protocol,
  };
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let body = '';
    const abort = () => {
      controller?.abort(signal.reason as Error);
      reject(signal.reason as Error);
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    const settle = (result: UpgradeResult) => {
      signal.removeEventListener('abort', abort);
      resolve(result);
    };
    dispatcher.dispatch(
      { origin: request.origin, path: request.path, method: 'GET', headers, upgrade: 'websocket' },
      {
        onRequestStart(started) {
          controller = started;
          if (signal.aborted) started.abort(signal.reason as Error);
        },
        onRequestUpgrade(_controller, answered, answer, socket) {
          socket.on('error', () => {}); // whoever takes it over may come a tick later than an error does
          const refusal = checkHandshake(answer, accept, request.protocol);
          if (signal.aborted || refusal) {
            socket.destroy();
            return settle({ upgraded: false, status: answered, body: '', reason: refusal ?? 'cancelled' });
          }
          settle({ upgraded: true, socket });
        },
        onResponseStart(_controller, answered) {
          if (answered >= 200) status = answered;
        },
        onResponseData(_controller, chunk) {
          if (body.length < BODY_LIMIT) body += chunk.toString('latin1');
        },
        onResponseEnd() {
          const text = Buffer.from(body, 'latin1').toString('utf8');
          settle({ upgraded: false, status, body: text, reason: 'no upgrade' });
        },
        onResponseError(_controller, error) {
          signal.removeEventListener('abort', abort);
          reject(error);
        },
      },
    );
  });
}

function checkHandshake(
  headers: Record<string, string | string[] | undefined>,
  accept: string,
  protocol: string,
): string | undefined {
  if (String(headers['upgrade']).toLowerCase() !== 'websocket') return 'the answer upgrades to something else';
  if (headers['sec-websocket-accept'] !== accept) return 'the answer is not for our handshake';
  if (headers['sec-websocket-protocol'] !== protocol) return `the answer does not speak ${protocol}`;
  if (headers['sec-websocket-extensions']) return 'the answer uses an extension that nobody offered';
  return undefined;
}
