import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { encodeFrame, FrameError, FrameReader, OPCODE } from '../../../src/cluster/frames.ts';

function reader() {
  const messages: Buffer[] = [];
  const controls: [number, string][] = [];
  let current: Buffer[] = [];
  const frames = new FrameReader({
    data(piece, start, end) {
      if (start) current = [];
      current.push(Buffer.from(piece));
      if (end) messages.push(Buffer.concat(current));
    },
    control: (opcode, payload) => controls.push([opcode, payload.toString()]),
  });
  return { frames, messages, controls };
}

/** A server's frame: unmasked. */
function frame(first: number, payload: Buffer | string, length?: number): Buffer {
  const data = Buffer.from(payload);
  const size = length ?? data.length;
  const header =
    size < 126
      ? Buffer.from([first, size])
      : size < 0x1_0000
        ? Buffer.from([first, 126, size >> 8, size & 255])
        : Buffer.concat([Buffer.from([first, 127, 0, 0, 0, 0]), Buffer.from(new Uint32Array([size]).buffer).swap32()]);
  return Buffer.concat([header, data]);
}

/** What a server makes of our frame, by RFC 6455 5.2 and 5.3, written down a second time. */
function decode(bytes: Buffer): { first: number; payload: Buffer } {
  assert.ok(((bytes[1] ?? 0) & 0x80) !== 0, 'a client masks');
  const short = (bytes[1] ?? 0) & 0x7f;
  const [length, at] =
    short < 126 ? [short, 2] : short === 126 ? [bytes.readUInt16BE(2), 4] : [Number(bytes.readBigUInt64BE(2)), 10];
  const mask = bytes.subarray(at, at + 4);
  const payload = Buffer.from(bytes.subarray(at + 4).map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
  assert.equal(payload.length, length);
  return { first: bytes[0] ?? 0, payload };
}

test('our frames say what they should, at every boundary of the length', () => {
  for (const size of [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 65_534, 65_535, 65_536, 262_143]) {
    const data = randomBytes(size);
    const { first, payload } = decode(encodeFrame(OPCODE.binary, [Buffer.from([7]), data]));
    assert.equal(first, 0x82);
    assert.deepEqual(payload, Buffer.concat([Buffer.from([7]), data]));
  }
  const masks = new Set(Array.from({ length: 20 }, () => encodeFrame(OPCODE.ping, []).toString('hex')));
  assert.ok(masks.size > 15, 'each frame has its own mask');
});

test('frames are found wherever the packets cut them', () => {
  const wanted = [Buffer.alloc(0), randomBytes(125), randomBytes(126), randomBytes(70_000), randomBytes(1)];
  const bytes = Buffer.concat([...wanted.map(payload => frame(0x82, payload)), frame(0x89, 'ping')]);
  for (const step of [1, 2, 3, 7, 1000, bytes.length]) {
    const { frames, messages, controls } = reader();
    for (let at = 0; at < bytes.length; at += step) frames.push(bytes.subarray(at, at + step));
    assert.deepEqual(messages, wanted);
    assert.deepEqual(controls, [[OPCODE.ping, 'ping']]);
  }
});

test('fragments become one message, with control frames between them', () => {
  const { frames, messages, controls } = reader();
  frames.push(frame(0x02, 'one '));
  frames.push(frame(0x8a, 'pong'));
  frames.push(frame(0x00, ''));
  frames.push(frame(0x00, 'two '));
  frames.push(frame(0x80, 'three'));
  frames.push(frame(0x82, 'next'));
  assert.deepEqual(messages.map(String), ['one two three', 'next']);
  assert.deepEqual(controls, [[OPCODE.pong, 'pong']]);
});

test('a payload is handed on before its frame is complete', () => {
  const pieces: number[] = [];
  const frames = new FrameReader({ data: piece => pieces.push(piece.length), control: () => {} });
  frames.push(frame(0x82, Buffer.alloc(10), 1_000_000));
  frames.push(Buffer.alloc(500));
  assert.deepEqual(pieces, [10, 500]);
});

test('what breaks the protocol is refused', () => {
  const cases: [string, Buffer][] = [
    ['a masked frame', Buffer.from([0x82, 0x81, 0, 0, 0, 0, 1])],
    ['compression that nobody offered', frame(0xc2, 'x')],
    ['text', frame(0x81, 'x')],
    ['a continuation of nothing', frame(0x80, 'x')],
    ['a long ping', frame(0x89, Buffer.alloc(126))],
    ['a fragmented ping', frame(0x09, 'x')],
    ['an unknown control', frame(0x8b, 'x')],
    ['an unknown opcode', frame(0x83, 'x')],
    ['an impossible length', Buffer.from([0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255])],
  ];
  for (const [what, bytes] of cases) assert.throws(() => reader().frames.push(bytes), FrameError, what);
  const { frames } = reader();
  frames.push(frame(0x02, 'begun'));
  assert.throws(() => frames.push(frame(0x82, 'another')), FrameError);
});
