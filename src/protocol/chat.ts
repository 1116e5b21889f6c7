import * as v from 'valibot';
import { actionId, failure, id, line, LIMITS, milliseconds, mode, parser, sentence, seq, text } from './common.ts';
import { safeHref } from './links.ts';

const userItem = v.object({ kind: v.literal('user'), id, text: text(LIMITS.userText) });

const assistantItem = v.object({
  kind: v.literal('assistant'),
  id,
  /** Markdown from the model: hostile until rendered. */
  text: text(LIMITS.assistantText),
  status: v.picklist(['streaming', 'done', 'stopped', 'failed']),
});

/** `denied` is the gateway's policy, `rejected` the person's answer, `cancelled` a turn that was stopped. */
export const TOOL_STATUSES = ['waiting', 'running', 'done', 'error', 'denied', 'rejected', 'cancelled'] as const;

const toolItem = v.object({
  kind: v.literal('tool'),
  id,
  callId: id,
  /** The tool's name as a person should read it, not the model's alias. */
  name: line,
  server: line,
  /** The MCP target behind the gateway, where there is one. */
  target: v.optional(line),
  /** The arguments as pretty-printed JSON, or as the model wrote them when they are not JSON. */
  arguments: text(LIMITS.toolArguments),
  status: v.picklist(TOOL_STATUSES),
  result: v.optional(text(LIMITS.toolResult)),
  /** Why it failed, was denied or was rejected. */
  failure: v.optional(failure),
  /** Whose identity the call carries, as a sentence part: `as research-agent for ana@contoso.example`. */
  identity: v.optional(line),
  receipt: v.optional(v.object({ id, traceparent: v.optional(line) })),
  durationMs: v.optional(milliseconds),
});

const noticeItem = v.object({
  kind: v.literal('notice'),
  id,
  level: v.picklist(['info', 'warning', 'error']),
  failure,
  /** The turn waits until the person has done what the row asks for. */
  asks: v.optional(v.literal(true)),
  /** The turn that ended here can be taken up where it failed. */
  retry: v.optional(v.literal(true)),
});

const item = v.variant('kind', [userItem, assistantItem, toolItem, noticeItem]);
const items = v.pipe(v.array(item), v.maxLength(LIMITS.items));
const prompts = v.pipe(v.array(sentence), v.maxLength(LIMITS.prompts));

export type UserItem = v.InferOutput<typeof userItem>;
export type AssistantItem = v.InferOutput<typeof assistantItem>;
export type ToolItem = v.InferOutput<typeof toolItem>;
export type NoticeItem = v.InferOutput<typeof noticeItem>;
export type ChatItem = v.InferOutput<typeof item>;
export type ToolStatus = ToolItem['status'];

const state = v.object({
  mode,
  items,
  /** A turn is running: Stop instead of Send. */
  busy: v.boolean(),
  /** Suggestions for an empty chat, at most three. */
  prompts,
});
export type ChatState = v.InferOutput<typeof state>;

const operation = v.variant('op', [
  v.object({ op: v.literal('mode'), mode }),
  v.object({ op: v.literal('busy'), busy: v.boolean() }),
  v.object({ op: v.literal('prompts'), prompts }),
  /** A new item at the end. */
  v.object({ op: v.literal('add'), item }),
  /** The item with the same id and kind, replaced in place. */
  v.object({ op: v.literal('update'), item }),
  /** More text at the end of an assistant item. */
  v.object({ op: v.literal('append'), id, text: text(LIMITS.assistantText) }),
  v.object({ op: v.literal('remove'), id }),
]);
export type ChatOperation = v.InferOutput<typeof operation>;

const toChat = v.variant('type', [
  v.object({ type: v.literal('snapshot'), seq, state }),
  v.object({
    type: v.literal('patch'),
    seq,
    operations: v.pipe(v.array(operation), v.maxLength(LIMITS.operations)),
  }),
  /** Put the cursor into the message box. */
  v.object({ type: v.literal('focus') }),
]);
/** Host to chat view. */
export type ToChat = v.InferOutput<typeof toChat>;

export const DECISIONS = ['once', 'session', 'reject'] as const;
export type Decision = (typeof DECISIONS)[number];

const fromChat = v.variant('type', [
  v.strictObject({ type: v.literal('ready') }),
  v.strictObject({ type: v.literal('needSnapshot') }),
  v.strictObject({ type: v.literal('send'), text: v.pipe(text(LIMITS.userText), v.regex(/\S/)) }),
  v.strictObject({ type: v.literal('stop') }),
  v.strictObject({
    type: v.literal('approve'),
    callId: id,
    /** `session`: this tool of this server, until the window closes. */
    decision: v.picklist(DECISIONS),
    /** Told to the model with a rejection. */
    reason: v.optional(sentence),
  }),
  /** Take up the turn that ended with this notice. */
  v.strictObject({ type: v.literal('retry'), id }),
  v.strictObject({ type: v.literal('runAction'), id: actionId }),
  v.strictObject({
    type: v.literal('openLink'),
    href: v.pipe(
      text(LIMITS.href),
      v.check(href => safeHref(href) !== undefined),
    ),
  }),
  v.strictObject({ type: v.literal('copy'), text: text(LIMITS.copyText) }),
]);
/** Chat view to host. */
export type FromChat = v.InferOutput<typeof fromChat>;

/** A message from the host as the chat view may trust it; undefined for anything else. */
export const parseToChat: (data: unknown) => ToChat | undefined = parser(toChat);
/** A message from the chat view as the host may trust it; undefined for anything else. */
export const parseFromChat: (data: unknown) => FromChat | undefined = parser(fromChat);

export const emptyChat: ChatState = { mode: { kind: 'disconnected' }, items: [], busy: false, prompts: [] };
