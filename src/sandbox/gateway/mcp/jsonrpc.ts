import * as v from 'valibot';

/** JSON-RPC as rmcp 3.0.0-beta.5 reads and writes it, as far as AgentGateway 1.4.1 looks into a message. */
export type JsonObject = Record<string, unknown>;
export type RequestId = string | number;

export interface ClientRequest {
  kind: 'request';
  id: RequestId;
  method: string;
  params: JsonObject;
  /** False when the method is known and its parameters are not what it needs. */
  wellFormed: boolean;
}
export interface ClientNotification {
  kind: 'notification';
  method: string;
  params: JsonObject;
}
/** A response or an error: an answer to a request of a server, which the gateway cannot route. */
export interface ClientAnswer {
  kind: 'answer';
}
export type ClientMessage = ClientRequest | ClientNotification | ClientAnswer;

/** A message of an upstream, untouched except for what the gateway rewrites. */
export type ServerMessage =
  | { kind: 'result'; id: RequestId; result: JsonObject; raw: JsonObject }
  | { kind: 'error'; code: number; message: string; raw: JsonObject }
  | { kind: 'other'; raw: JsonObject };

const object = v.record(v.string(), v.unknown());
const id = v.union([v.string(), v.pipe(v.number(), v.integer())]);
const named = v.looseObject({ name: v.string(), arguments: v.optional(object) });
const located = v.looseObject({ uri: v.string() });
const any = v.looseObject({});

/** What each known method must carry; a method that is not here is unknown to the gateway. */
const methods: Record<string, v.GenericSchema> = {
  initialize: v.looseObject({
    protocolVersion: v.string(),
    capabilities: object,
    clientInfo: v.looseObject({ name: v.string(), version: v.string() }),
  }),
  ping: any,
  'tools/list': any,
  'tools/call': named,
  'prompts/list': any,
  'prompts/get': named,
  'resources/list': any,
  'resources/templates/list': any,
  'resources/read': located,
  'resources/subscribe': located,
  'resources/unsubscribe': located,
  'completion/complete': v.looseObject({ ref: v.looseObject({ type: v.string() }), argument: object }),
  'logging/setLevel': v.looseObject({ level: v.string() }),
};

export const isKnownMethod = (method: string) => Object.hasOwn(methods, method);

const envelope = v.looseObject({
  jsonrpc: v.literal('2.0'),
  id: v.optional(id),
  method: v.optional(v.string()),
  params: v.optional(object),
  result: v.optional(v.unknown()),
  error: v.optional(v.looseObject({ code: v.number(), message: v.string() })),
});

/** Undefined when the value is no JSON-RPC message; a batch is none (rmcp has no variant for it). */
export function parseClientMessage(value: unknown): ClientMessage | undefined {
  const parsed = v.safeParse(envelope, value);
  if (!parsed.success) return undefined;
  const { id: messageId, method, params = {}, result, error } = parsed.output;
  if (method !== undefined) {
    if (messageId === undefined) return { kind: 'notification', method, params };
    const schema = methods[method];
    const wellFormed = schema !== undefined && v.is(schema, params);
    return { kind: 'request', id: messageId, method, params, wellFormed };
  }
  return result !== undefined || error !== undefined ? { kind: 'answer' } : undefined;
}

/** Undefined when the value is no JSON-RPC message. */
export function parseServerMessage(value: unknown): ServerMessage | undefined {
  const parsed = v.safeParse(envelope, value);
  if (!parsed.success || !v.is(object, value)) return undefined;
  const { id: messageId, method, result, error } = parsed.output;
  if (method !== undefined) return { kind: 'other', raw: value };
  if (error) return { kind: 'error', code: error.code, message: error.message, raw: value };
  if (messageId === undefined || !v.is(object, result)) return undefined;
  return { kind: 'result', id: messageId, result, raw: value };
}

export const resultMessage = (messageId: RequestId, result: JsonObject): JsonObject => ({
  jsonrpc: '2.0',
  id: messageId,
  result,
});

export const errorMessage = (messageId: RequestId, code: number, message: string, data?: unknown): JsonObject => ({
  jsonrpc: '2.0',
  id: messageId,
  error: { code, message, ...(data !== undefined && { data }) },
});
