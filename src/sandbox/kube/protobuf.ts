import { badRequest } from './status.ts';

/** The content type that kubectl sends reviews in. */
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

const MAGIC = Buffer.from('k8s\0');

/** What each field of a message is: text, or a message of its own. */
interface Shape {
  [field: number]: [name: string, shape?: Shape];
}

const ATTRIBUTES: Shape = {
  1: ['namespace'],
  2: ['verb'],
  3: ['group'],
  4: ['version'],
  5: ['resource'],
  6: ['subresource'],
  7: ['name'],
};
const SPECS: Readonly<Record<string, Shape>> = {
  SelfSubjectAccessReview: {
    1: ['resourceAttributes', ATTRIBUTES],
    2: ['nonResourceAttributes', { 1: ['path'], 2: ['verb'] }],
  },
  SelfSubjectRulesReview: { 1: ['namespace'] },
};

/**
 * A review in the protobuf envelope of Kubernetes (apimachinery `runtime.Unknown`, api `authorization/v1`
 * generated.proto), as the JSON that it stands for.
 */
export function decodeReview(body: Buffer): unknown {
  if (!body.subarray(0, 4).equals(MAGIC)) throw badRequest('the body of the request is not in the protobuf envelope');
  const envelope = decode(body.subarray(4), { 1: ['type', { 2: ['kind'] }], 2: ['raw'] });
  const { kind } = envelope.type as { kind: Buffer };
  const spec = SPECS[kind.toString()];
  if (!spec) throw badRequest(`no kind "${kind.toString()}" is registered`);
  return text(decode(envelope.raw as Buffer, { 2: ['spec', spec] }));
}

type Decoded = { [name: string]: Buffer | Decoded };

function decode(bytes: Buffer, shape: Shape): Decoded {
  const message: Decoded = {};
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 28) throw badRequest('the protobuf body of the request is cut off');
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag & 7;
    if (kind === 0) {
      varint();
      continue;
    }
    if (kind !== 2) throw badRequest('the protobuf body of the request has an unexpected field');
    const length = varint();
    const value = bytes.subarray(at, (at += length));
    const [name, inner] = shape[tag >>> 3] ?? [];
    if (name !== undefined) message[name] = inner ? decode(value, inner) : value;
  }
  return message;
}

const text = (message: Decoded): unknown =>
  Object.fromEntries(
    Object.entries(message).map(([name, value]) => [name, Buffer.isBuffer(value) ? value.toString() : text(value)]),
  );
