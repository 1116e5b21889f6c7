import * as v from 'valibot';
import { actionId, id, LIMITS, milliseconds, mode, parser, sentence, seq, text } from './common.ts';
import { analysis, documentation, state, token, type InspectorState } from './inspectorState.ts';

export type * from './inspectorState.ts';

const operation = v.variant('op', [
  v.object({ op: v.literal('mode'), mode, explanation: v.optional(sentence) }),
  v.object({ op: v.literal('refreshing'), refreshing: v.boolean() }),
  /** The token with this id, replaced in place, or a new one at the end. */
  v.object({ op: v.literal('token'), token }),
  v.object({ op: v.literal('remove'), id }),
  v.object({ op: v.literal('analysis'), analysis }),
]);
export type InspectorOperation = v.InferOutput<typeof operation>;

const toInspector = v.variant('type', [
  /** `now` is the host's clock: it may run on another machine than the view. */
  v.object({ type: v.literal('snapshot'), seq, now: milliseconds, state }),
  v.object({
    type: v.literal('patch'),
    seq,
    operations: v.pipe(v.array(operation), v.maxLength(LIMITS.operations)),
  }),
  /** The answer to `reveal`. The view forgets it after `clearAfterMs`, when it is hidden, or when told to conceal. */
  v.object({
    type: v.literal('raw'),
    token: id,
    raw: text(LIMITS.rawToken),
    clearAfterMs: v.pipe(milliseconds, v.minValue(0), v.maxValue(120_000)),
  }),
  /** Forget the raw output at once; also the answer to a `reveal` that can't be met. */
  v.object({ type: v.literal('conceal') }),
  /** Brings one token's claims before the person: it was just pasted. */
  v.object({ type: v.literal('goTo'), token: id }),
]);
/** Host to token inspector. */
export type ToInspector = v.InferOutput<typeof toInspector>;

const fromInspector = v.variant('type', [
  v.strictObject({ type: v.literal('ready') }),
  v.strictObject({ type: v.literal('needSnapshot') }),
  /** Force new tokens. */
  v.strictObject({ type: v.literal('refresh') }),
  v.strictObject({ type: v.literal('reveal'), token: id }),
  /** Copy the raw token, without it passing through the view. */
  v.strictObject({ type: v.literal('copyRaw'), token: id }),
  /** Ask for a token in a field of the editor: a pasted one never enters the view. */
  v.strictObject({ type: v.literal('paste') }),
  /** Forget a pasted token. */
  v.strictObject({ type: v.literal('forget'), token: id }),
  /** Open what is shown as a document, redacted. */
  v.strictObject({ type: v.literal('export') }),
  /** Copy words of the view: a remedy that somebody else is to carry out. */
  v.strictObject({ type: v.literal('copyText'), text: text(LIMITS.fix) }),
  v.strictObject({ type: v.literal('openSource'), href: documentation }),
  v.strictObject({ type: v.literal('runAction'), id: actionId }),
]);
/** Token inspector to host. */
export type FromInspector = v.InferOutput<typeof fromInspector>;

/** A message from the host as the inspector may trust it; undefined for anything else. */
export const parseToInspector: (data: unknown) => ToInspector | undefined = parser(toInspector);
/** A message from the inspector as the host may trust it; undefined for anything else. */
export const parseFromInspector: (data: unknown) => FromInspector | undefined = parser(fromInspector);

/** The state after one operation, or undefined when it does not fit: then the receiver asks for a snapshot. */
export function applyToInspector(before: InspectorState, change: InspectorOperation): InspectorState | undefined {
  switch (change.op) {
    case 'mode':
      return { ...before, mode: change.mode, explanation: change.explanation };
    case 'refreshing':
      return { ...before, refreshing: change.refreshing };
    case 'token': {
      const index = before.tokens.findIndex(known => known.id === change.token.id);
      const tokens = index < 0 ? [...before.tokens, change.token] : before.tokens.with(index, change.token);
      return tokens.length > LIMITS.tokens ? undefined : { ...before, tokens };
    }
    case 'remove':
      if (!before.tokens.some(known => known.id === change.id)) return undefined;
      return { ...before, tokens: before.tokens.filter(known => known.id !== change.id) };
    case 'analysis':
      return { ...before, analysis: change.analysis };
  }
}

export const emptyInspector: InspectorState = {
  mode: { kind: 'disconnected' },
  refreshing: false,
  tokens: [],
  analysis: { hops: [], routes: [] },
};
