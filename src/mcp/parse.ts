import * as v from 'valibot';
import { AgentIdError } from '../base/errors.ts';
import { quote } from '../gateway/body.ts';
import type { ServerSpec, ToolInfo, ToolResult } from './types.ts';

/** Characters of a result's text. Beyond it the text is cut and says so. */
const MAX_TEXT = 256 * 1024;
const MAX_DESCRIPTION = 10_000;
/** Characters of a tool's schema as JSON; a larger one is no use to a model. */
const MAX_SCHEMA = 64 * 1024;

/** Characters that a person does not see and a model reads: Unicode tags, bidirectional controls, zero-width ones. */
const INVISIBLE = /[\u{E0000}-\u{E007F}\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/gu;

const flag = v.fallback(v.optional(v.boolean()), undefined);
const text = v.fallback(v.optional(v.string()), undefined);
const Tool = v.object({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
  title: text,
  description: text,
  inputSchema: v.fallback(v.record(v.string(), v.unknown()), { type: 'object' }),
  annotations: v.fallback(
    v.optional(v.object({ title: text, readOnlyHint: flag, destructiveHint: flag, openWorldHint: flag })),
    undefined,
  ),
});
const Page = v.object({ tools: v.array(v.unknown()), nextCursor: text });
const Result = v.object({
  content: v.optional(v.array(v.unknown()), []),
  isError: v.fallback(v.boolean(), false),
  structuredContent: v.optional(v.unknown()),
});

export interface ToolPage {
  tools: ToolInfo[];
  nextCursor?: string;
  /** Entries that are no tools. */
  skipped: number;
}

/** One page of `tools/list`: a tool of the wrong shape costs only itself. Throws `mcp.malformed`. */
export function parseToolPage(spec: ServerSpec, raw: unknown): ToolPage {
  const page = parse(spec, Page, raw);
  const tools = page.tools.flatMap(item => {
    const parsed = v.safeParse(Tool, item);
    return parsed.success ? [toTool(parsed.output)] : [];
  });
  const { nextCursor } = page;
  return { tools, skipped: page.tools.length - tools.length, ...(nextCursor && { nextCursor }) };
}

function toTool(tool: v.InferOutput<typeof Tool>): ToolInfo {
  const { title: annotated, ...hints } = tool.annotations ?? {};
  const title = tool.title ?? annotated;
  const annotations = Object.fromEntries(Object.entries(hints).filter(([, value]) => value !== undefined));
  const schema = asJson(tool.inputSchema)?.replace(INVISIBLE, '');
  const readable = schema !== undefined && schema.length <= MAX_SCHEMA;
  return {
    name: tool.name,
    ...(title && { title: quote(title) }),
    description: (tool.description ?? title ?? '').replace(INVISIBLE, '').slice(0, MAX_DESCRIPTION),
    inputSchema: readable ? (JSON.parse(schema) as Record<string, unknown>) : { type: 'object' },
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
}

const Part = v.variant('type', [
  v.object({ type: v.literal('text'), text: v.string() }),
  v.object({ type: v.literal('image'), mimeType: v.fallback(v.string(), ''), data: v.string() }),
  v.object({ type: v.literal('audio'), mimeType: v.fallback(v.string(), ''), data: v.string() }),
  v.object({ type: v.literal('resource_link'), uri: v.string(), name: v.fallback(v.string(), '') }),
  v.object({
    type: v.literal('resource'),
    resource: v.object({ uri: v.fallback(v.string(), ''), text }),
  }),
]);

/** A `tools/call` result as text for the model, with its parts for the eye. Throws `mcp.malformed`. */
export function parseToolResult(spec: ServerSpec, raw: unknown): ToolResult {
  const { content, isError, structuredContent } = parse(spec, Result, raw);
  const lines = content.map(part => {
    const parsed = v.safeParse(Part, part);
    return parsed.success ? asText(parsed.output) : '[content of an unknown kind]';
  });
  if (lines.length === 0 && structuredContent !== undefined)
    lines.push(asJson(structuredContent) ?? '[too deep to show]');
  const whole = lines.join('\n');
  const cut = whole.length > MAX_TEXT;
  return {
    text: cut ? `${whole.slice(0, MAX_TEXT)}\n[cut here: ${whole.length} characters in all]` : whole,
    isError,
    content,
    ...(structuredContent !== undefined && { structured: structuredContent }),
  };
}

/** undefined for what nests too deep to be written. */
function asJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function asText(part: v.InferOutput<typeof Part>): string {
  switch (part.type) {
    case 'text':
      return part.text;
    case 'image':
    case 'audio':
      return `[${part.type} ${quote(part.mimeType)}, ${Math.ceil((part.data.length * 3) / 4 / 1024)} KiB]`;
    case 'resource_link':
      return `[resource ${quote(part.name)} ${quote(part.uri)}]`;
    case 'resource':
      return part.resource.text ?? `[resource ${quote(part.resource.uri)}]`;
  }
}

function parse<T extends v.GenericSchema>(spec: ServerSpec, schema: T, raw: unknown): v.InferOutput<T> {
  const parsed = v.safeParse(schema, raw);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new AgentIdError('mcp.malformed', { server: spec.label, detail: quote(issue.message) });
}
