import { Approvals, type ApprovalAnswer } from '../../../src/agent/approvals.ts';
import { Conversation } from '../../../src/agent/conversation.ts';
import type { Receipt } from '../../../src/agent/receipts.ts';
import type { ToolCallState } from '../../../src/agent/toolCall.ts';
import type { TurnOptions } from '../../../src/agent/turn.ts';
import type { ChatMessage, ChatModel, ModelEvent } from '../../../src/gateway/llm.ts';
import type { McpServer, ToolResult } from '../../../src/mcp/registry.ts';

export type Answer = (ModelEvent | (() => Promise<void>))[];

/** A model that gives prepared answers in turn; a function among the events is awaited in its place. */
export function scriptedModel(answers: Answer[]): ChatModel & { heard: ChatMessage[][] } {
  const heard: ChatMessage[][] = [];
  return {
    label: 'scripted',
    heard,
    async *stream({ messages, signal }) {
      heard.push(messages);
      for (const event of answers[heard.length - 1] ?? [{ type: 'done', finishReason: 'stop' }]) {
        signal.throwIfAborted();
        if (typeof event === 'function') await event();
        else yield event;
      }
    },
  };
}

export const toolCall = (id: string, name: string, args: unknown = {}): ModelEvent => ({
  type: 'toolCall',
  id,
  name,
  arguments: typeof args === 'string' ? args : JSON.stringify(args),
});
export const text = (value: string): ModelEvent => ({ type: 'text', text: value });
export const done = (finishReason = 'stop'): ModelEvent => ({ type: 'done', finishReason });

export const ok = (value: string): ToolResult => ({ text: value, isError: false, content: [] });

/** A server whose `call` is the given function. */
export function server(call: McpServer['call']): McpServer {
  return {
    spec: { id: 'gateway:/mcp', label: 'AgentGateway', kind: 'gateway', url: 'http://gateway.invalid/mcp' },
    state: { kind: 'connecting' },
    enabled: true,
    call,
  };
}

/** Everything that a turn needs, with records of what it did. `answer` is the person's answer to every approval. */
export function turnOptions(
  model: ChatModel,
  tools: Record<string, McpServer['call']>,
  answer: ApprovalAnswer | Promise<ApprovalAnswer> = { kind: 'once' },
) {
  const states: ToolCallState[] = [];
  const receipts: Receipt[] = [];
  const said: string[] = [];
  const ends: string[] = [];
  const abort = new AbortController();
  const asked: string[] = [];
  const options: TurnOptions = {
    model: async () => model,
    conversation: new Conversation(),
    systemPrompt: '',
    tools: () => Object.keys(tools).map(name => ({ name, description: '', parameters: {} })),
    observer: {
      answerStarted: () => {},
      answerText: delta => said.push(delta),
      answerEnded: status => ends.push(status),
    },
    usedIds: new Set(),
    signal: abort.signal,
    resolve: name => {
      const call = tools[name];
      return call && { server: server(call), name, ownName: name, listed: !name.startsWith('hidden') };
    },
    identity: () => ({
      user: { oid: 'u-1', username: 'ana@contoso.example' },
      agent: 'agent-1',
      blueprint: 'blueprint-1',
      token: { audience: 'api://mcp', fingerprint: '0123456789abcdef', expiresAt: 1_800_000_000_000 },
    }),
    explainDenial: () => undefined,
    mend: async () => false,
    approvals: new Approvals(async request => {
      asked.push(request.tool);
      return answer;
    }),
    appendReceipt: async receipt => void receipts.push(receipt),
    clock: { now: () => 1_790_000_000_000 },
    onChange: state => states.push(state),
  };
  return { options, states, receipts, said, ends, abort, asked };
}
