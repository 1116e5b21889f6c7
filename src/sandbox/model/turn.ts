import { textOf, type ChatRequest } from './request.ts';

/** A tool call of the running turn with what came back. */
export interface Done {
  name: string;
  arguments: string;
  result: string;
}

/** What the demo model sees of a request: the last prompt and what has happened since. */
export interface Turn {
  prompt: string;
  /** Prompts before the last one, in order. */
  earlier: string[];
  system: string;
  done: Done[];
  /** How often the model has asked for tools in this turn. */
  rounds: number;
}

/** Cuts a conversation at its last prompt. */
export function readTurn({ messages }: ChatRequest): Turn {
  const last = messages.findLastIndex(message => message.role === 'user');
  const since = messages.slice(last + 1);
  const results = new Map(
    since.flatMap(message =>
      message.role === 'tool' ? [[message.tool_call_id, textOf(message.content)] as const] : [],
    ),
  );
  const asking = since.flatMap(message =>
    message.role === 'assistant' && message.tool_calls?.length ? [message.tool_calls] : [],
  );
  const texts = (role: 'user' | 'system') =>
    messages.flatMap(message => (message.role === role ? [textOf(message.content)] : []));
  const prompts = texts('user');
  return {
    prompt: prompts.at(-1) ?? '',
    earlier: prompts.slice(0, -1),
    system: texts('system').join('\n'),
    rounds: asking.length,
    done: asking.flat().map(({ id, function: call }) => ({
      name: call.name,
      arguments: call.arguments,
      result: results.get(id) ?? '',
    })),
  };
}
