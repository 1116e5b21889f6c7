import * as v from 'valibot';
import { actionId, failure, id, LIMITS, line, milliseconds, parser, sentence, seq, text } from './common.ts';

const status = v.picklist([
  'pending',
  'running',
  'waiting',
  'passed',
  /** Passed, with something that is not as it should be. */
  'remarks',
  'unknown',
  'failed',
  'blocked',
  'stopped',
]);

const fact = v.object({ label: line, value: sentence });

/** A judgement within a check: of one token, or of one route of the gateway. */
const finding = v.object({
  title: line,
  outcome: v.picklist(['ok', 'warning', 'bad', 'unknown']),
  sentence,
  /** Text that somebody else can act on. */
  fix: v.optional(text(LIMITS.fix)),
});
export type DoctorFinding = v.InferOutput<typeof finding>;

const check = v.object({
  id,
  group: line,
  title: line,
  status,
  /** How long it took, in milliseconds. */
  ms: v.optional(milliseconds),
  /** Why it was not looked at. */
  note: v.optional(sentence),
  failure: v.optional(failure),
  remarks: v.pipe(v.array(failure), v.maxLength(LIMITS.checks)),
  /** While it waits: when it is tried again, and until when that goes on. Milliseconds since the epoch. */
  nextTry: v.optional(milliseconds),
  until: v.optional(milliseconds),
  /** While it waits: it is being tried at this moment. */
  trying: v.optional(v.boolean()),
  facts: v.pipe(v.array(fact), v.maxLength(LIMITS.checks)),
  findings: v.pipe(v.array(finding), v.maxLength(LIMITS.checks)),
  /** Something to copy that is useful although nothing failed. */
  text: v.optional(v.object({ label: line, value: text(LIMITS.fix) })),
});
export type DoctorCheck = v.InferOutput<typeof check>;

const state = v.object({
  phase: v.picklist(['idle', 'running', 'ended']),
  /** What is examined, and when that began (milliseconds since the epoch): the page stays when another is connected. */
  about: v.optional(sentence),
  began: v.optional(milliseconds),
  /** What came of it all, once it has ended. */
  summary: v.optional(sentence),
  checks: v.pipe(v.array(check), v.maxLength(LIMITS.checks)),
});
export type DoctorState = v.InferOutput<typeof state>;

const operation = v.variant('op', [
  /** A new examination: all checks, none looked at yet. */
  v.object({
    op: v.literal('begin'),
    began: milliseconds,
    checks: v.pipe(v.array(check), v.maxLength(LIMITS.checks)),
  }),
  v.object({ op: v.literal('about'), about: sentence }),
  v.object({ op: v.literal('check'), check }),
  v.object({ op: v.literal('end'), summary: sentence }),
]);
export type DoctorOperation = v.InferOutput<typeof operation>;

const toDoctor = v.variant('type', [
  /** `now` is the host's clock: it may run on another machine than the view. */
  v.object({ type: v.literal('snapshot'), seq, now: milliseconds, state }),
  v.object({
    type: v.literal('patch'),
    seq,
    operations: v.pipe(v.array(operation), v.maxLength(LIMITS.operations)),
  }),
]);
/** Host to Doctor. */
export type ToDoctor = v.InferOutput<typeof toDoctor>;

const fromDoctor = v.variant('type', [
  v.strictObject({ type: v.literal('ready') }),
  v.strictObject({ type: v.literal('needSnapshot') }),
  v.strictObject({ type: v.literal('run') }),
  v.strictObject({ type: v.literal('stop') }),
  /** Do not wait any longer for a check: try again now, or give up. */
  v.strictObject({ type: v.literal('wake'), check: id, again: v.boolean() }),
  /** Open the support bundle as a document. */
  v.strictObject({ type: v.literal('bundle') }),
  v.strictObject({ type: v.literal('copyText'), text: text(LIMITS.fix) }),
  v.strictObject({ type: v.literal('runAction'), id: actionId }),
]);
/** Doctor to host. */
export type FromDoctor = v.InferOutput<typeof fromDoctor>;

/** A message from the host as the Doctor may trust it; undefined for anything else. */
export const parseToDoctor: (data: unknown) => ToDoctor | undefined = parser(toDoctor);
/** A message from the Doctor as the host may trust it; undefined for anything else. */
export const parseFromDoctor: (data: unknown) => FromDoctor | undefined = parser(fromDoctor);

/** The state after one operation, or undefined when it does not fit: then the receiver asks for a snapshot. */
export function applyToDoctor(before: DoctorState, change: DoctorOperation): DoctorState | undefined {
  switch (change.op) {
    case 'begin':
      return { phase: 'running', began: change.began, checks: change.checks };
    case 'about':
      return { ...before, about: change.about };
    case 'check': {
      const index = before.checks.findIndex(known => known.id === change.check.id);
      return index < 0 ? undefined : { ...before, checks: before.checks.with(index, change.check) };
    }
    case 'end':
      return { ...before, phase: 'ended', summary: change.summary };
  }
}

export const emptyDoctor: DoctorState = { phase: 'idle', checks: [] };
