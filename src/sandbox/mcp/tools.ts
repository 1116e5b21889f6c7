import type { CallToolResult, Tool as ListedTool } from '@modelcontextprotocol/sdk/types.js';
import * as v from 'valibot';

/** What a running tool may use of its call. */
export interface CallContext {
  /** Aborted when the client cancels the call or leaves. */
  signal: AbortSignal;
  /** Tells a client that asked for progress how far the work is. */
  progress: (done: number, total: number, message: string) => Promise<void>;
}

/** A tool as it is listed, with what it does. Its `run` gets arguments that nobody has checked yet. */
export interface Tool extends ListedTool {
  run: (args: unknown, context: CallContext) => CallToolResult | Promise<CallToolResult>;
}

export const text = (value: string): CallToolResult => ({ content: [{ type: 'text', text: value }] });
export const failure = (value: string): CallToolResult => ({ ...text(value), isError: true });

/** Says in every description that nothing here is the real service. */
export const simulated = (sentence: string) =>
  `${sentence} (Simulated: this server is a part of the Agent ID sandbox.)`;

/** A tool's body behind a check of its arguments: what does not fit is a result with `isError`, as SDK servers do. */
export function withArguments<S extends v.GenericSchema>(
  schema: S,
  run: (args: v.InferOutput<S>, context: CallContext) => CallToolResult | Promise<CallToolResult>,
): Tool['run'] {
  return (args, context) => {
    const parsed = v.safeParse(schema, args);
    if (parsed.success) return run(parsed.output, context);
    const [issue] = parsed.issues;
    return failure(`Invalid arguments: ${v.getDotPath(issue) ?? 'arguments'}: ${issue.message}`);
  };
}
