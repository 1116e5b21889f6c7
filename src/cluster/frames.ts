import { randomFillSync } from 'node:crypto';

/** WebSocket frames, client side, by RFC 6455 section 5: no extensions, we never fragment, we accept fragments. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export class FrameError extends Error {
  override readonly name = 'FrameError';
}

export interface FrameHandler {
  /** A piece of a binary message, as it arrives; `start` marks the message's first piece, `end` its last. May be empty. */
  data(piece: Buffer, start: boolean, end: boolean): void;
  /** A close, ping or pong frame. */
  control(opcode: number, payload: Buffer): void;
}

/**
 * Cuts a byte stream into frames. Payloads are handed on in the pieces in which they come, so that a frame costs no
 * memory however long it is.
 */
export class FrameReader {
  readonly #handler: FrameHandler;
  #header = Buffer.alloc(0);
  #opcode = 0;
  #final = true;
  #remaining = -1; // payload bytes still to come; -1: in a header
  #control: Buffer[] = [];
  #inMessage = false;
  #atStart = false;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** @throws FrameError when the far end breaks the protocol */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#remaining < 0) rest = this.#readHeader(rest);
      else {
        const piece = rest.subarray(0, this.#remaining);
        rest = rest.subarray(piece.length);
        this.#take(piece);
      }
    }
  }

  #readHeader(chunk: Buffer): Buffer {
    const bytes = this.#header.length > 0 ? Buffer.concat([this.#header, chunk]) : chunk;
    const first = bytes[0] ?? 0;
    const second = bytes[1] ?? 0;
    const size = bytes.length < 2 ? 2 : 2 + (second === 126 ? 2 : second === 127 ? 8 : 0);
    if (bytes.length >= 2) this.#check(first, second);
    if (bytes.length < size) {
      this.#header = Buffer.from(bytes);
      return chunk.subarray(chunk.length);
    }
    this.#header = Buffer.alloc(0);
    this.#final = (first & 0x80) !== 0;
    this.#opcode = first & 0x0f;
    this.#remaining = second < 126 ? second : second === 126 ? bytes.readUInt16BE(2) : longLength(bytes);
    this.#atStart = this.#opcode === OPCODE.binary;
    if (this.#remaining === 0) this.#take(Buffer.alloc(0));
    return bytes.subarray(size);
  }

  #check(first: number, second: number): void {
    const opcode = first & 0x0f;
    if (first & 0x70) throw new FrameError('reserved bits are set');
    if (second & 0x80) throw new FrameError('a frame from the server is masked');
    if (opcode >= OPCODE.close) {
      if (!(first & 0x80) || second > 125) throw new FrameError('a control frame is fragmented or too long');
      if (opcode > OPCODE.pong) throw new FrameError(`unknown opcode ${opcode}`);
    } else if (opcode === OPCODE.continuation ? !this.#inMessage : this.#inMessage || opcode !== OPCODE.binary)
      throw new FrameError(`unexpected opcode ${opcode}`);
  }

  #take(piece: Buffer): void {
    this.#remaining -= piece.length;
    const complete = this.#remaining === 0;
    if (complete) this.#remaining = -1;
    if (this.#opcode >= OPCODE.close) {
      this.#control.push(piece);
      if (!complete) return;
      const payload = Buffer.concat(this.#control);
      this.#control = [];
      this.#handler.control(this.#opcode, payload);
      return;
    }
    const start = this.#atStart;
    const end = complete && this.#final;
    this.#atStart = false;
    this.#inMessage = !end;
    this.#handler.data(piece, start, end);
  }
}

function longLength(bytes: Buffer): number {
  const length = bytes.readBigUInt64BE(2);
  if (length > BigInt(Number.MAX_SAFE_INTEGER)) throw new FrameError('a frame is impossibly long');
  return Number(length);
}

/** One complete, masked frame (RFC 6455 5.3) whose payload is the given parts, one after the other. */
export function encodeFrame(opcode: number, parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const lengthBytes = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8;
  const start = 2 + lengthBytes + 4;
  const pad = -start & 3; // so that the payload begins on a word, and whole words can be masked
  const memory = new ArrayBuffer(pad + start + length);
  const frame = Buffer.from(memory, pad);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
  if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  let at = start;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  const mask = randomFillSync(frame.subarray(start - 4, start));
  const word = new Uint32Array(Uint8Array.from(mask).buffer)[0] ?? 0;
  const words = new Uint32Array(memory, pad + start, length >> 2);
  for (let index = 0; index < words.length; index++) words[index] = (words[index] ?? 0) ^ word;
  for (let index = length & ~3; index < length; index++)
    frame[start + index] = (frame[start + index] ?? 0) ^ (mask[index & 3] ?? 0);
  return frame;
}
