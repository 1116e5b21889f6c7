import assert from 'node:assert/strict';
import type { ApprovalRequest } from '../../../src/agent/approvals.ts';
import type { ToolCallState } from '../../../src/agent/toolCall.ts';
import type { Turns } from '../../../src/agent/turns.ts';
import { emptyChat, parseToChat, type ChatItem, type ChatState, type ToChat } from '../../../src/protocol/chat.ts';
import { applyToChat } from '../../../src/protocol/chatState.ts';
import { Receiver } from '../../../src/protocol/receiver.ts';
import { ChatController } from '../../../src/views/chatController.ts';
import type { Translate } from '../../../src/views/messages/catalogue.ts';
import { sayDenial } from '../../../src/views/messages/denial.ts';
import { sayer } from '../../../src/views/messages/index.ts';

/** What the editor's `l10n.t` does in English: `{n}` becomes the n-th argument, in one pass, and stays where there is none. */
export const translate: Translate = (message, ...args) =>
  args.length === 0
    ? message
    : message.replace(/\{(\d+)\}/g, (placeholder, index: string) => String(args[Number(index)] ?? placeholder));

export type Observer = Parameters<Turns['run']>[1];

/**
 * A controller with a view behind it: every message is passed on as JSON, must be one that the view accepts, and keeps
 * the view's state, which must be the controller's own. `run` is what the next turn does.
 */
export function startChat() {
  const receiver = new Receiver(emptyChat, applyToChat);
  const say = sayer(translate);
  const chat = {
    say,
    run: async (_text: string, _observer: Observer, _signal: AbortSignal): Promise<void> => {},
    /** The texts that turns were run for. */
    heard: [] as string[],
    posted: [] as ToChat[],
    /** What was passed on to the editor. */
    asked: [] as string[],
    attention: 0,
    /** Who acts, as the editor would say it. */
    actor: undefined as string | undefined,
    cleared: 0,
    grantsEnded: 0,
    /** As the view has it. */
    state: (): ChatState => {
      assert.deepEqual(receiver.state, controller.feed.state);
      return receiver.state;
    },
    items: (): readonly ChatItem[] => chat.state().items,
    attach: () => controller.feed.attach(post),
    get controller() {
      return controller;
    },
  };
  const turns = {
    run: (text: string, observer: Observer, signal: AbortSignal) => {
      chat.heard.push(text);
      return chat.run(text, observer, signal);
    },
    retry: (observer: Observer, signal: AbortSignal) => {
      chat.heard.push('retry');
      return chat.run('', observer, signal);
    },
    clear: () => void chat.cleared++,
    approvals: { clear: () => void chat.grantsEnded++ },
  } as unknown as Turns;
  const controller = new ChatController({
    turns: () => turns,
    say,
    sayDirect: () => 'direct',
    sayCut: (shown, all) => `${shown} of ${all}`,
    sayActor: () => chat.actor,
    log: () => {},
    sayDenial: state => sayDenial(translate, state),
    sayIdentity: ({ user, agent }) => `${agent} for ${user}`,
    attention: () => void chat.attention++,
    copied: text => void chat.asked.push(text),
    openLink: href => void chat.asked.push(href),
    runAction: id => void chat.asked.push(id),
  });
  const post = (message: unknown) => {
    const parsed = parseToChat(JSON.parse(JSON.stringify(message)));
    assert.ok(parsed, `the view refuses ${JSON.stringify(message).slice(0, 300)}`);
    chat.posted.push(parsed);
    if (parsed.type !== 'focus') assert.equal(receiver.receive(parsed), 'changed');
  };
  chat.attach();
  return chat;
}
export type Chat = ReturnType<typeof startChat>;

/** The state of a call `c1` of a tool behind the gateway, with what a test wants different. */
export function toolState(different: Partial<ToolCallState>): ToolCallState {
  return {
    callId: 'c1',
    modelName: 'docs_search',
    status: 'running',
    arguments: '{"query":"x"}',
    traceparent: '00-1-2-01',
    identity: { user: 'ada@sandbox.example', agent: 'agent-1' },
    resolved: {
      server: {
        spec: { id: 'gateway:/mcp', label: 'AgentGateway', kind: 'gateway', url: 'http://gateway.invalid/mcp' },
        state: { kind: 'connecting' },
        enabled: true,
        call: () => Promise.reject(new Error('nobody calls here')),
      },
      name: 'docs_search',
      ownName: 'search',
      target: 'docs',
      listed: true,
    },
    ...different,
  };
}

export const approvalOf = (callId: string): ApprovalRequest => ({
  callId,
  user: 'u-1',
  agent: 'agent-1',
  serverId: 'gateway:/mcp',
  serverUrl: 'http://gateway.invalid/mcp',
  tool: 'docs_search',
  definition: undefined,
});
