import * as v from 'valibot';

/** A chat completion request, as far as the demo model looks into it. */
const toolCall = v.looseObject({
  id: v.string(),
  type: v.literal('function'),
  function: v.looseObject({ name: v.string(), arguments: v.string() }),
});

/** A message's text, plain or in parts. */
const content = v.union([v.string(), v.array(v.looseObject({ type: v.string(), text: v.optional(v.string()) }))]);

const message = v.variant('role', [
  v.looseObject({ role: v.picklist(['system', 'developer', 'user']), content }),
  v.looseObject({
    role: v.literal('assistant'),
    content: v.nullish(content),
    tool_calls: v.optional(v.array(toolCall)),
  }),
  v.looseObject({ role: v.literal('tool'), tool_call_id: v.string(), content }),
]);

const tool = v.looseObject({
  type: v.literal('function'),
  function: v.looseObject({
    name: v.string(),
    description: v.optional(v.string(), ''),
    parameters: v.optional(v.record(v.string(), v.unknown()), { type: 'object', properties: {} }),
  }),
});

const schema = v.looseObject({
  model: v.optional(v.string()),
  messages: v.array(message),
  tools: v.optional(v.array(tool), []),
  tool_choice: v.optional(v.unknown()),
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(v.looseObject({ include_usage: v.optional(v.boolean()) })),
});

export type ChatRequest = v.InferOutput<typeof schema>;
export type Message = ChatRequest['messages'][number];
export type OfferedTool = ChatRequest['tools'][number]['function'];

export const textOf = (value: v.InferOutput<typeof content> | null | undefined): string =>
  typeof value === 'string' ? value : (value ?? []).map(part => part.text ?? '').join('');

/** A 400 in OpenAI's shape. */
export class BadRequest extends Error {
  readonly param: string | null;
  readonly code: string | null;

  constructor(message: string, param: string | null, code: string | null) {
    super(message);
    this.param = param;
    this.code = code;
  }
}

const MAX_TOOLS = 128;
const MAX_NAME = 64;

/** Parses a body and refuses what the real chat completions API refuses. Throws BadRequest. */
export function parseRequest(body: unknown): ChatRequest {
  const raw = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  if (raw.messages === undefined)
    throw new BadRequest("Missing required parameter: 'messages'.", 'messages', 'missing_required_parameter');
  if (Array.isArray(raw.messages) && raw.messages.length === 0)
    throw new BadRequest(
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      'messages',
      'empty_array',
    );
  const parsed = v.safeParse(schema, body);
  if (!parsed.success) {
    const at = v.getDotPath(parsed.issues[0]) ?? 'body';
    throw new BadRequest(`Invalid value for '${at}': ${parsed.issues[0].message}.`, at, 'invalid_value');
  }
  const request = parsed.output;
  checkTools(request.tools.map(offered => offered.function));
  checkToolMessages(request.messages);
  return request;
}

function checkTools(tools: readonly OfferedTool[]): void {
  if (tools.length > MAX_TOOLS)
    throw new BadRequest(
      `Invalid 'tools': array too long. Expected an array with maximum length ${MAX_TOOLS}, but got an array with length ${tools.length} instead.`,
      'tools',
      'array_above_max_length',
    );
  for (const [index, { name, parameters }] of tools.entries()) {
    const at = `tools[${index}].function.name`;
    if (!/^[a-zA-Z0-9_-]+$/.test(name))
      throw new BadRequest(
        `Invalid '${at}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`,
        at,
        'invalid_value',
      );
    if (name.length > MAX_NAME)
      throw new BadRequest(
        `Invalid '${at}': string too long. Expected a string with maximum length ${MAX_NAME}, but got a string with length ${name.length} instead.`,
        at,
        'string_above_max_length',
      );
    if (parameters.type !== 'object')
      throw new BadRequest(
        `Invalid schema for function '${name}': schema must be a JSON Schema of 'type: "object"', got 'type: ${JSON.stringify(parameters.type ?? 'None')}'.`,
        `tools[${index}].function.parameters`,
        'invalid_function_parameters',
      );
  }
}

/** Every call must be answered by the tool messages right after it, and every tool message must answer one. */
function checkToolMessages(messages: readonly Message[]): void {
  let open = new Set<string>();
  const unanswered = (index: number) => {
    if (open.size > 0)
      throw new BadRequest(
        `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(', ')}`,
        `messages.[${index}].role`,
        null,
      );
  };
  for (const [index, entry] of messages.entries()) {
    if (entry.role === 'tool') {
      if (!open.delete(entry.tool_call_id))
        throw new BadRequest(
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
          `messages.[${index}].role`,
          null,
        );
      continue;
    }
    unanswered(index);
    if (entry.role === 'assistant') open = new Set(entry.tool_calls?.map(call => call.id));
  }
  unanswered(messages.length);
}
