import * as v from 'valibot';
import { failure, id, line, LIMITS, mode, milliseconds, sentence, text } from './common.ts';
import { documentationHref } from './links.ts';

const value = text(LIMITS.claimValue);
/** How many entries a list lacks because it was cut at the limit. */
const more = v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1)));
const list = <S extends v.GenericSchema>(item: S, max: number = LIMITS.claims) =>
  v.pipe(v.array(item), v.maxLength(max));

/** A page that may be opened from the inspector; any other address is refused on both sides. */
export const documentation = v.pipe(
  text(LIMITS.href),
  v.check(href => documentationHref(href) === href),
);

/** One part of a claim that is a list: a code number with what it means, a scope, a method. */
const part = v.object({ text: line, meaning: v.optional(line) });
export type ClaimPart = v.InferOutput<typeof part>;

/** One claim with its explanation and what that is founded on. */
const claim = v.object({
  name: line,
  value,
  /** For a list: its entries, in place of the value. */
  parts: v.optional(list(part)),
  /** For a point in time: milliseconds since the epoch, in place of the value. */
  time: v.optional(milliseconds),
  explanation: sentence,
  known: v.boolean(),
  evidence: v.optional(v.picklist(['documented', 'observed', 'guessed'])),
  source: v.optional(v.object({ title: line, href: v.optional(documentation) })),
  note: v.optional(sentence),
});
export type TokenClaim = v.InferOutput<typeof claim>;

/** How a check ended. Said in words and by a sign, never by colour alone. */
const check = v.object({ title: line, outcome: v.picklist(['ok', 'warning', 'bad', 'unknown']), sentence });
export type TokenCheck = v.InferOutput<typeof check>;

/** What can be said of a token without showing it. */
const details = v.object({
  /** The token's `ver`; absent where the token has none. */
  version: v.optional(v.picklist(['1.0', '2.0'])),
  /** What kind of token it is, and what says so. */
  kind: v.optional(v.object({ label: line, certain: v.boolean(), because: sentence })),
  checks: list(check, LIMITS.checks),
  header: list(v.object({ name: line, value })),
  claims: list(claim),
  moreClaims: more,
  /** Milliseconds since the epoch, by the host's clock. */
  expiresAt: v.optional(milliseconds),
  /** First 16 hex digits of the SHA-256 of the raw token, as receipts name it. */
  fingerprint: v.optional(line),
  /** Length of the raw token in characters: how long the mask is. Absent where the raw token was not kept. */
  length: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});
export type TokenDetails = v.InferOutput<typeof details>;

const status = v.variant('kind', [
  v.object({ kind: v.literal('loading') }),
  v.object({ kind: v.literal('ok') }),
  v.object({ kind: v.literal('expired') }),
  /** Its signature is wrong, or was not looked at: what it says is not to be believed. */
  v.object({ kind: v.literal('unverified') }),
  v.object({ kind: v.literal('notConfigured'), reason: sentence }),
  /** `heldUntil`: no new one came, and the one from before is in use until then (milliseconds, host's clock). */
  v.object({ kind: v.literal('error'), failure, heldUntil: v.optional(milliseconds) }),
]);

/** A row of the summary table and, with `details`, a region of claims. Each stands alone: one may fail beside good ones. */
export const token = v.object({
  id,
  /** `User token (Tc)`, `T2 (Azure OpenAI)`, … */
  label: line,
  /** True for one that a person pasted: it is in no chain, and can be removed. */
  pasted: v.optional(v.boolean()),
  /** The three summary columns; absent where there is no token. */
  aud: v.optional(value),
  sub: v.optional(value),
  appid: v.optional(value),
  status,
  details: v.optional(details),
});
export type InspectedToken = v.InferOutput<typeof token>;

/** A token of the chain. T1 is one although nobody outside the sidecar sees it: it has no row, and is only described. */
const hop = v.object({
  id,
  label: line,
  /** The row with its claims; absent for one that is never seen. */
  token: v.optional(id),
  /** The hop that it follows from. */
  after: v.optional(id),
  issuer: line,
  presenter: line,
  audience: line,
  note: v.optional(sentence),
});
export type Hop = v.InferOutput<typeof hop>;

/** A claim across the tokens of the chain, in the order of `columns`. */
const difference = v.object({
  name: line,
  cells: list(
    v.object({
      /** Absent: the token has no such claim. */
      value: v.optional(line),
      /** Against the first column; the first column itself has none. */
      change: v.optional(v.picklist(['same', 'changed', 'added', 'removed'])),
    }),
    LIMITS.tokens,
  ),
  why: v.optional(sentence),
  /** True for a claim that is new in every token and says nothing to a reader, such as `uti`. */
  perToken: v.optional(v.boolean()),
  /** True for a change that the chain must not have. */
  alarm: v.optional(v.boolean()),
});
export type Difference = v.InferOutput<typeof difference>;

const comparison = v.object({
  columns: list(v.object({ id, label: line }), LIMITS.tokens),
  rows: list(difference),
  moreRows: more,
});
export type Comparison = v.InferOutput<typeof comparison>;

/** A part of a rule, as a line of an outline: what joins it (`all`, `any`), or a clause with the claims that it looked at. */
const clause = v.object({
  depth: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(32)),
  kind: v.picklist(['all', 'any', 'leaf']),
  text: sentence,
  outcome: v.picklist(['holds', 'fails', 'unknown']),
  /** No value: the token has no such claim. */
  facts: list(v.object({ name: line, value: v.optional(line) }), LIMITS.checks),
});
export type RuleClause = v.InferOutput<typeof clause>;

const rule = v.object({
  mode: v.picklist(['allow', 'require', 'deny']),
  outcome: v.picklist(['holds', 'fails', 'unknown']),
  clauses: list(clause),
});
export type PolicyRule = v.InferOutput<typeof rule>;

/** One thing that the gateway looks at, in its order. */
const step = v.object({
  title: line,
  outcome: v.picklist(['passes', 'fails', 'unknown', 'skipped']),
  sentence,
  /** What would mend it, and that as text to send to whoever can. */
  remedy: v.optional(v.object({ sentence, text: v.optional(sentence) })),
  rules: list(rule, LIMITS.checks),
  moreRules: more,
});
export type PolicyStep = v.InferOutput<typeof step>;

/** What the gateway would say to a token on one of its routes. */
const route = v.object({
  id,
  title: line,
  /** Which token it is judged with: the label of its row. */
  token: line,
  outcome: v.picklist(['admitted', 'refused', 'unknown']),
  sentence,
  steps: list(step, LIMITS.checks),
  tools: list(
    v.object({
      name: line,
      target: v.optional(line),
      outcome: v.picklist(['allowed', 'hidden', 'unknown']),
      reason: v.optional(sentence),
    }),
    LIMITS.items,
  ),
});
export type RouteVerdict = v.InferOutput<typeof route>;

/** What follows from the tokens: replaced as a whole when one of them changes. */
export const analysis = v.object({
  hops: list(hop, LIMITS.tokens),
  comparison: v.optional(comparison),
  routes: list(route, LIMITS.tokens),
  /** Why there is no verdict of the gateway at all. */
  noRoutes: v.optional(sentence),
});
export type Analysis = v.InferOutput<typeof analysis>;

export const state = v.object({
  mode,
  /** Why there are no tokens (API-key mode, not connected). */
  explanation: v.optional(sentence),
  refreshing: v.boolean(),
  /** The user token first, pasted ones last. */
  tokens: list(token, LIMITS.tokens),
  analysis,
});
export type InspectorState = v.InferOutput<typeof state>;
