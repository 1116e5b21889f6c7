import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { AgentIdError, type ErrorArgs } from '../base/errors.ts';
import { redact } from '../base/redact.ts';
import type { ClusterErrorCode } from './errors.ts';
import { encodeFrame, FrameError, FrameReader, OPCODE } from './frames.ts';
import { Heartbeat } from './heartbeat.ts';

export interface PodPort {
  namespace: string;
  pod: string;
  port: number;
}

/**
 * The port-forward protocol of every Kubernetes since 1.6 (`k8s.io/cri-streaming` `portforward/websocket.go`): binary
 * messages whose first byte is a channel, 0 for data and 1 for errors; each channel starts with the port as uint16,
 * little endian, *before* the runtime dials the port.
 */
export const PORT_FORWARD_PROTOCOL = 'v4.channel.k8s.io';

const DATA = Buffer.from([0]);
const LARGEST_FRAME = 256 * 1024;
const BUFFER = 64 * 1024;
/** How long the far end may take to answer our close frame before we hang up on it. */
const CLOSE_TIMEOUT_MS = 1_000;
const ERROR_TEXT_LIMIT = 4096;

/**
 * A TCP connection into a pod as a Duplex that undici takes for a socket. Back-pressure works both ways; the far end's
 * errors arrive as `AgentIdError`.
 */
export class PortForwardStream extends Duplex {
  /** Settles when the path to the container runtime stands, or fails. */
  readonly opened: Promise<void>;
  /** Settles when the connection ended, whoever ended it, with the reason if it was not a normal end. */
  readonly ended: Promise<AgentIdError | undefined>;
  /** Settles when the connection below is closed too. */
  readonly released: Promise<void>;

  readonly #raw: Duplex;
  readonly #target: PodPort;
  readonly #reader: FrameReader;
  readonly #heartbeat: Heartbeat;
  readonly #openedResult = Promise.withResolvers<void>();
  readonly #endedResult = Promise.withResolvers<AgentIdError | undefined>();
  readonly #portsSeen = [Buffer.alloc(0), Buffer.alloc(0)];
  #channel: number | undefined;
  #errorText = '';
  #finished = false;
  #failure: AgentIdError | undefined;
  #paused = false;
  #writing = false;
  #sentUnanswered = false;

  constructor(raw: Duplex, target: PodPort, heartbeatMs?: number) {
    super({ allowHalfOpen: false, readableHighWaterMark: BUFFER, writableHighWaterMark: BUFFER });
    this.#raw = raw;
    this.#target = target;
    this.opened = this.#openedResult.promise;
    this.opened.catch(() => {}); // whoever waits hears of it; nobody has to wait
    this.ended = this.#endedResult.promise;
    this.released = new Promise(resolve => {
      if (raw.closed) resolve();
      else raw.once('close', () => resolve());
    });
    this.on('error', () => {}); // a spare has no reader yet; its keeper looks at `ended`
    this.#reader = new FrameReader({
      data: (piece, start, end) => this.#onData(piece, start, end),
      control: (opcode, payload) => this.#onControl(opcode, payload),
    });
    this.#heartbeat = new Heartbeat(
      {
        paused: () => this.#paused,
        sending: () => this.#writing,
        ping: () => raw.write(encodeFrame(OPCODE.ping, [])),
        dead: seconds => {
          if (this.#finished) return;
          this.#finish(this.#error('tunnel.unresponsive', { seconds }));
          raw.destroy();
        },
      },
      heartbeatMs,
    );
    const lost = (cause?: unknown) => this.#finish(this.#error('tunnel.lost', {}, cause));
    raw.on('data', (chunk: Buffer) => this.#receive(chunk));
    raw.on('end', () => lost());
    raw.on('error', lost);
    raw.on('close', () => lost());
    raw.resume();
  }

  /** False as soon as either side has ended the connection, whatever is still to be read. */
  get alive(): boolean {
    return !this.#finished;
  }

  /** A failure waits until what came before it is read. It must not look like an end: an answer may end that way too. */
  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    const failure = this.#failure;
    if (failure && this.readableLength === 0) process.nextTick(() => this.destroy(failure));
    return chunk;
  }

  override _read(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#raw.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  /** The protocol has no half-close: ending our side must not cost us the answer. */
  override _final(done: () => void): void {
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#finish(AgentIdError.is(error) ? error : undefined);
    const raw = this.#raw;
    raw.resume(); // a paused socket would never read the answer to our close frame
    const impatient = setTimeout(() => raw.destroy(), CLOSE_TIMEOUT_MS).unref();
    void this.released.then(() => clearTimeout(impatient));
    raw.end();
    done(error);
  }

  /** See `Heartbeat.probe`; a dead path ends the stream. */
  async probe(milliseconds: number): Promise<void> {
    if (!this.#finished) await Promise.race([this.#heartbeat.probe(milliseconds), this.ended]);
  }

  // What undici expects of a socket beyond a Duplex. Its timeouts are its own; no delay is set on the socket below.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    if (this.#raw instanceof Socket) this.#raw.ref();
    return this;
  }
  unref(): this {
    if (this.#raw instanceof Socket) this.#raw.unref();
    return this;
  }
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  #receive(chunk: Buffer): void {
    this.#heartbeat.heard();
    if (this.#finished) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#breach(error.message);
    }
  }

  #onData(piece: Buffer, start: boolean, end: boolean): void {
    if (this.#finished) return;
    if (start) this.#channel = undefined;
    if (piece.length === 0) return;
    let content = piece;
    if (this.#channel === undefined) {
      this.#channel = piece[0];
      content = piece.subarray(1);
    }
    if (this.#channel !== 0 && this.#channel !== 1) return this.#breach(`unknown channel ${this.#channel}`);
    content = this.#takePort(this.#channel, content);
    if (this.#channel === 1) this.#onErrorText(content, end);
    else if (content.length > 0) {
      this.#sentUnanswered = false;
      if (!this.push(content)) {
        this.#paused = true;
        this.#raw.pause();
      }
    }
  }

  /** Strips a channel's leading port number, whatever frames it came in. */
  #takePort(channel: 0 | 1, content: Buffer): Buffer {
    const seen = this.#portsSeen[channel] ?? Buffer.alloc(0);
    const missing = 2 - seen.length;
    if (missing === 0 || content.length === 0) return content;
    const complete = Buffer.concat([seen, content.subarray(0, missing)]);
    this.#portsSeen[channel] = complete;
    if (complete.length === 2 && complete.readUInt16LE() !== this.#target.port)
      this.#breach(`the tunnel is for port ${complete.readUInt16LE()}`);
    else if (this.#portsSeen.every(port => port.length === 2)) this.#openedResult.resolve();
    return content.subarray(missing);
  }

  #onErrorText(content: Buffer, end: boolean): void {
    if (this.#errorText.length < ERROR_TEXT_LIMIT) this.#errorText += content.toString('utf8');
    if (!end || !this.#errorText) return;
    const text = redact(this.#errorText).replace(/\s+/g, ' ').trim();
    const reason = text.length > 300 ? `…${text.slice(-299)}` : text; // a runtime wraps: what went wrong stands at the end
    const refused = /connection refused|ECONNREFUSED/i.test(text);
    this.#finish(this.#error(refused ? 'tunnel.refused' : 'tunnel.podError', { reason }));
  }

  #onControl(opcode: number, payload: Buffer): void {
    if (this.#finished) return;
    if (opcode === OPCODE.ping) this.#raw.write(encodeFrame(OPCODE.pong, [payload]));
    if (opcode !== OPCODE.close) return;
    const code = payload.length >= 2 ? payload.readUInt16BE() : 1000;
    this.#finish(code === 1000 ? undefined : this.#error('tunnel.lost', {}, new Error(`WebSocket close code ${code}`)));
  }

  /** Sends frames one by one: the next only when the kernel has taken the last (many at once cut throughput to a sixth). */
  #send(chunks: readonly Buffer[], done: (error?: Error | null) => void): void {
    const frames = cut(chunks, LARGEST_FRAME - DATA.length);
    const next = (): void => {
      if (this.#finished) return finish(this.#error(this.#sentUnanswered ? 'tunnel.lost' : 'tunnel.stale'));
      const { value: parts } = frames.next();
      if (!parts) return finish();
      this.#sentUnanswered = true;
      this.#raw.write(encodeFrame(OPCODE.binary, [DATA, ...parts]), error => {
        if (error) return finish(this.#error('tunnel.lost', {}, error));
        this.#heartbeat.taken();
        next();
      });
    };
    const finish = (error?: AgentIdError): void => {
      this.#writing = false;
      done(error);
    };
    this.#writing = true;
    next();
  }

  #breach(reason: string): void {
    this.#finish(this.#error('tunnel.protocol', { reason }));
  }

  /** Ends the stream once: what arrived is still delivered, then comes the end, or the error. */
  #finish(error: AgentIdError | undefined): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#heartbeat.stop();
    if (!this.#raw.writableEnded && !this.#raw.destroyed)
      this.#raw.write(encodeFrame(OPCODE.close, [Buffer.from([0x03, 0xe8])])); // 1000, normal closure
    this.#openedResult.reject(this.#dialError(error));
    this.#endedResult.resolve(error);
    if (this.destroyed) return;
    if (!error) this.push(null);
    else if (this.readableLength === 0) this.destroy(error);
    else this.#failure = error;
  }

  #dialError(error: AgentIdError | undefined): AgentIdError {
    if (error && error.code !== 'tunnel.lost') return error;
    return this.#error('tunnel.dialFailed', { reason: 'the connection ended while it was being opened' }, error);
  }

  #error(code: ClusterErrorCode, args: ErrorArgs = {}, cause?: unknown): AgentIdError {
    const { pod, port } = this.#target;
    return new AgentIdError(code, { pod, port, ...args }, cause === undefined ? {} : { cause });
  }
}

/** The bytes of `chunks` in order, as groups of at most `limit` bytes, without copying. */
function* cut(chunks: readonly Buffer[], limit: number): Generator<Buffer[], undefined> {
  let group: Buffer[] = [];
  let size = 0;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + limit - size);
      group.push(part);
      size += part.length;
      at += part.length;
      if (size < limit) continue;
      yield group;
      group = [];
      size = 0;
    }
  }
  if (group.length > 0) yield group;
  return undefined;
}
