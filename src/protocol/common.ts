import * as v from 'valibot';

/**
 * The largest sizes that a message may carry, in UTF-16 units or entries. Both sides refuse what is larger, so the
 * sender cuts first (see `clip`). They keep a hostile tool result or model from freezing the view.
 */
export const LIMITS = {
  id: 200,
  line: 500,
  sentence: 2_000,
  fix: 8_000,
  userText: 64_000,
  assistantText: 400_000,
  toolArguments: 20_000,
  toolResult: 60_000,
  claimValue: 8_000,
  rawToken: 65_536,
  href: 4_000,
  copyText: 400_000,
  items: 1_000,
  operations: 1_000,
  actions: 4,
  prompts: 3,
  tokens: 20,
  claims: 200,
  checks: 50,
} as const;

/** `text` in at most `max` UTF-16 units, never ending inside a surrogate pair; what was cut ends in an ellipsis. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = /[\ud800-\udbff]/.test(text.charAt(max - 2)) ? max - 2 : max - 1;
  return `${text.slice(0, end)}…`;
}

/** A string of at most `max` UTF-16 units. */
export const text = (max: number) => v.pipe(v.string(), v.maxLength(max));
export const id = v.pipe(v.string(), v.minLength(1), v.maxLength(LIMITS.id));
export const line = text(LIMITS.line);
export const sentence = text(LIMITS.sentence);
/** Milliseconds since the epoch, or a length of time in milliseconds. */
export const milliseconds = v.pipe(v.number(), v.finite());
/** Number of the state that a message leads to: 0 for the first snapshot, then one more for each patch. */
export const seq = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** The commands that a button in a webview may ask for: nothing else that a view sends is ever executed. */
export const ACTION_IDS = [
  'agentId.connect',
  'agentId.disconnect',
  'agentId.selectAgent',
  'agentId.signIn',
  'agentId.forceSignIn',
  'agentId.signInWithDeviceCode',
  'agentId.signInInBrowser',
  'agentId.signInWithEditorAccount',
  'agentId.startSandbox',
  'agentId.setApiKey',
  'agentId.showTokens',
  'agentId.showConfiguration',
  'agentId.addMcpServer',
  'agentId.refreshMcpServers',
  'agentId.newChat',
  'agentId.openSettings',
  'agentId.showLog',
] as const;
export const actionId = v.picklist(ACTION_IDS);
export type ActionId = v.InferOutput<typeof actionId>;

/** A button: what it runs, and what it says (already in the person's language). */
const action = v.object({ id: actionId, label: line });

/** Who can mend a failure: the person who reads it, or somebody with rights that this person may not have. */
export const FIXERS = ['you', 'entraAdmin', 'azureAdmin', 'clusterAdmin', 'network', 'serverOwner'] as const;
export type Fixer = (typeof FIXERS)[number];

/** What went wrong, as a person reads it: one sentence, the next step, who can take it, and buttons that do it. */
export const failure = v.object({
  sentence,
  nextStep: v.optional(sentence),
  /** Absent where there is nothing to mend. */
  who: v.optional(v.picklist(FIXERS)),
  /**
   * The exact change, with the identifiers of the connection. For somebody other than the person it stands alone: it
   * also says what was tried and what was answered. Never a token.
   */
  fix: v.optional(text(LIMITS.fix)),
  actions: v.pipe(v.array(action), v.maxLength(LIMITS.actions)),
});
export type Failure = v.InferOutput<typeof failure>;

/** The mode line: which of the modes we are in, and as whom (no user: not signed in). `place` is the cluster context and namespace. */
export const mode = v.variant('kind', [
  v.object({ kind: v.literal('disconnected') }),
  v.object({ kind: v.literal('connecting'), step: v.optional(line) }),
  v.object({
    kind: v.literal('connected'),
    agent: line,
    user: v.optional(line),
    model: v.optional(line),
    place: v.optional(line),
  }),
  v.object({
    kind: v.literal('sandbox'),
    agent: line,
    user: v.optional(line),
    model: v.optional(line),
    place: v.optional(line),
  }),
  v.object({ kind: v.literal('apiKey'), model: line }),
]);
export type Mode = v.InferOutput<typeof mode>;

/** A parser for one direction: the typed message, or undefined for anything that is not exactly one. */
export function parser<S extends v.GenericSchema>(schema: S): (data: unknown) => v.InferOutput<S> | undefined {
  return data => {
    const parsed = v.safeParse(schema, data);
    return parsed.success ? parsed.output : undefined;
  };
}
