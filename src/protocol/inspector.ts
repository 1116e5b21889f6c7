import * as v from 'valibot';
import { actionId, failure, id, line, LIMITS, milliseconds, mode, parser, sentence, seq, text } from './common.ts';

const value = text(LIMITS.claimValue);

/** One claim with its explanation; the same shape as the identity room's row. */
const claim = v.object({ name: line, value, explanation: sentence, known: v.boolean(), note: v.optional(sentence) });
export type TokenClaim = v.InferOutput<typeof claim>;

/** What can be said of a token without showing it. */
const details = v.object({
  /** The token's `ver`; absent where the token has none. */
  version: v.optional(v.picklist(['1.0', '2.0'])),
  header: v.pipe(v.array(v.object({ name: line, value })), v.maxLength(LIMITS.claims)),
  claims: v.pipe(v.array(claim), v.maxLength(LIMITS.claims)),
  /** Milliseconds since the epoch, by the host's clock. */
  expiresAt: v.optional(milliseconds),
  /** First 16 hex digits of the SHA-256 of the raw token, as receipts name it. */
  fingerprint: v.optional(line),
  /** Length of the raw token in characters: how long the mask is. */
  length: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});
export type TokenDetails = v.InferOutput<typeof details>;

const status = v.variant('kind', [
  v.object({ kind: v.literal('loading') }),
  v.object({ kind: v.literal('ok') }),
  v.object({ kind: v.literal('expired') }),
  v.object({ kind: v.literal('notConfigured'), reason: sentence }),
  v.object({ kind: v.literal('error'), failure }),
]);

/** A row of the summary table and, with `details`, a region of claims. Each stands alone: one may fail beside good ones. */
const token = v.object({
  id,
  /** `User token (Tc)`, `T2 (Azure OpenAI)`, … */
  label: line,
  /** The three summary columns; absent where there is no token. */
  aud: v.optional(value),
  sub: v.optional(value),
  appid: v.optional(value),
  status,
  details: v.optional(details),
});
export type InspectedToken = v.InferOutput<typeof token>;

const state = v.object({
  mode,
  /** Why there are no tokens (API-key mode, not connected). */
  explanation: v.optional(sentence),
  refreshing: v.boolean(),
  /** The user token first. */
  tokens: v.pipe(v.array(token), v.maxLength(LIMITS.tokens)),
});
export type InspectorState = v.InferOutput<typeof state>;

const operation = v.variant('op', [
  v.object({ op: v.literal('mode'), mode, explanation: v.optional(sentence) }),
  v.object({ op: v.literal('refreshing'), refreshing: v.boolean() }),
  /** The token with this id, replaced in place, or a new one at the end. */
  v.object({ op: v.literal('token'), token }),
  v.object({ op: v.literal('remove'), id }),
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
  }
}

export const emptyInspector: InspectorState = { mode: { kind: 'disconnected' }, refreshing: false, tokens: [] };
