/** The shapes of a chat, as OpenAI's chat completions have them; everything that talks to a model speaks these. */

export interface ToolCall {
  id: string;
  name: string;
  /** JSON text as the model wrote it: not yet parsed, not yet trusted. */
  arguments: string;
}

export type ChatMessage =
  | { role: 'system' | 'user'; content: string }
  | { role: 'assistant'; content: string; toolCalls?: ToolCall[] }
  | { role: 'tool'; toolCallId: string; content: string };

export interface ToolSpec {
  /** `[a-zA-Z0-9_-]{1,64}` */
  name: string;
  description: string;
  /** JSON Schema of an object. */
  parameters: Record<string, unknown>;
}

export type ModelEvent =
  | { type: 'text'; text: string }
  | ({ type: 'toolCall' } & ToolCall)
  | { type: 'done'; finishReason: string; usage?: { input: number; output: number } };

export interface ChatRequest {
  messages: ChatMessage[];
  tools: ToolSpec[];
  signal: AbortSignal;
  /** W3C trace context, sent as a header so that the gateway's log lines carry our trace id. */
  traceparent?: string;
}

export interface ChatModel {
  readonly label: string;
  /**
   * One completion. Text comes as it arrives, tool calls when each is complete, `done` once and last. Ends with the
   * signal's reason when aborted, else with a `GatewayErrorCode` or whatever the token source threw. Nothing is
   * retried except one replay after the gateway's own 401, which comes before any byte of an answer.
   */
  stream(request: ChatRequest): AsyncIterable<ModelEvent>;
}
