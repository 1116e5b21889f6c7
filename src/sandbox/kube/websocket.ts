import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * The server's half of RFC 6455 as golang.org/x/net/websocket does it, which is what kubelet and container runtimes
 * serve port-forwards with: each fragment is handed over as a message of its own, a frame above 32 MiB ends the
 * connection, and pings are answered by the same loop that reads data, so not while that loop waits.
 */
const MAX_PAYLOAD = 32 * 1024 * 1024;

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The accepted subprotocol, or why there is none; `''` is accepted when the client offers none. */
export function negotiate(
  headers: IncomingHttpHeaders,
  supported: readonly string[],
): { protocol: string; response: string } | { refusal: string } {
  const key = headers['sec-websocket-key'];
  if (typeof key !== 'string' || headers['sec-websocket-version'] !== '13')
    return { refusal: 'HTTP/1.1 400 Bad Request\r\nSec-WebSocket-Version: 13\r\n\r\nmissing or bad WebSocket-Version' };
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map(name => name.trim());
  const protocol = offered.find(name => supported.includes(name));
  if (protocol === undefined) return { refusal: 'HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n' };
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  return {
    protocol,
    response:
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
  };
}

/** Bytes of a stream on demand: what nobody asks for stays unread, and holds the sender back. */
class Reader {
  readonly #stream: Duplex;
  readonly #onReadable = () => this.#wake?.();
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    const end = () => {
      this.#ended = true;
      this.#wake?.();
    };
    stream.on('readable', this.#onReadable).on('end', end).on('close', end).on('error', end);
  }

  /** Throws away whatever still comes. */
  drain(): void {
    this.#stream.off('readable', this.#onReadable).resume();
  }

  /** Exactly that many bytes; `undefined` when the stream ends before. */
  async take(length: number): Promise<Buffer | undefined> {
    if (length === 0) return Buffer.alloc(0);
    for (;;) {
      const bytes = this.#stream.read(length) as Buffer | null;
      if (bytes) return bytes.length === length ? bytes : undefined;
      if (this.#ended) return undefined;
      await new Promise<void>(resolve => (this.#wake = resolve));
    }
  }
}

export class ServerWebSocket {
  readonly #stream: Duplex;
  readonly #reader: Reader;
  /** Awaited before anything is read or written: a test holds it to freeze the connection. */
  readonly #gate: () => Promise<void>;
  #closed = false;

  constructor(stream: Duplex, head: Buffer, gate: () => Promise<void>) {
    this.#stream = stream;
    this.#gate = gate;
    if (head.length > 0) stream.unshift(head);
    this.#reader = new Reader(stream);
  }

  get closed(): boolean {
    return this.#closed || this.#stream.destroyed;
  }

  /** The next message, or `undefined` at the end; answers pings on the way. */
  async receive(): Promise<Buffer | undefined> {
    for (;;) {
      const start = await this.#reader.take(2);
      await this.#gate();
      if (!start) return undefined;
      const [first = 0, second = 0] = start;
      const opcode = first & 0x0f;
      const length = await this.#length(second & 0x7f);
      const mask = (second & 0x80) !== 0 && length !== undefined ? await this.#reader.take(4) : undefined;
      if (length === undefined || length > MAX_PAYLOAD) {
        this.#stream.destroy(); // a close frame behind unread data would not arrive: the client sees 1006
        return undefined;
      }
      if (!mask) {
        this.close(1002);
        return undefined;
      }
      const payload = await this.#reader.take(length);
      if (!payload || opcode === CLOSE) return undefined;
      unmask(payload, mask);
      if (opcode === PING) await this.#write(PONG, payload.subarray(0, 125));
      else if (opcode === TEXT || opcode === BINARY || opcode === CONTINUATION) return payload;
    }
  }

  /** Sends one message; false when the connection is over. */
  async send(data: Buffer, kind: 'binary' | 'text'): Promise<boolean> {
    return this.#write(kind === 'binary' ? BINARY : TEXT, data);
  }

  /** Sends a close frame and ends the connection without waiting for an answer. */
  close(code: number): void {
    if (this.closed) return;
    this.#closed = true;
    const frame = Buffer.from([0x80 | CLOSE, 2, code >> 8, code & 0xff]);
    this.#stream.end(frame);
    this.#reader.drain(); // unread bytes would turn the end into a reset that overtakes the frame
    const overdue = setTimeout(() => this.#stream.destroy(), 1000);
    this.#stream.once('close', () => clearTimeout(overdue));
  }

  async #length(short: number): Promise<number | undefined> {
    if (short < 126) return short;
    const bytes = await this.#reader.take(short === 126 ? 2 : 8);
    if (!bytes) return undefined;
    return short === 126 ? bytes.readUInt16BE() : Number(bytes.readBigUInt64BE());
  }

  async #write(opcode: number, data: Buffer): Promise<boolean> {
    await this.#gate();
    if (this.closed) return false;
    this.#stream.cork();
    this.#stream.write(header(opcode, data.length));
    const room = this.#stream.write(data);
    this.#stream.uncork();
    if (!room) await drained(this.#stream);
    return !this.closed;
  }
}

function header(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | opcode, length]);
  if (length < 65536) return Buffer.from([0x80 | opcode, 126, length >> 8, length & 0xff]);
  const bytes = Buffer.alloc(10);
  bytes[0] = 0x80 | opcode;
  bytes[1] = 127;
  bytes.writeBigUInt64BE(BigInt(length), 2);
  return bytes;
}

function unmask(payload: Buffer, mask: Buffer): void {
  const [a = 0, b = 0, c = 0, d = 0] = mask;
  const keys = [a, b, c, d];
  for (let index = 0; index < payload.length; index++) payload[index]! ^= keys[index & 3]!;
}

/** Resolves when a stream takes more, or is over. */
export function drained(stream: Duplex): Promise<void> {
  if (stream.destroyed || !stream.writableNeedDrain) return Promise.resolve();
  return new Promise(resolve => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}
