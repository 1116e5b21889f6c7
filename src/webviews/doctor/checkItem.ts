import type { DoctorCheck, DoctorFinding } from '../../protocol/doctor.ts';
import { visible } from '../../protocol/visible.ts';
import { copyButton } from '../shared/copyButton.ts';
import type { Countdown } from '../shared/countdown.ts';
import { type Child, h } from '../shared/dom.ts';
import { describeFailure, type FailureEvents } from '../shared/failure.ts';
import type { IconName } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';
import { mark, type Tone } from '../shared/mark.ts';
import { latency } from '../shared/time.ts';

export interface CheckEvents extends FailureEvents {
  wake(check: string, again: boolean): void;
}

const SIGNS: Record<DoctorCheck['status'], readonly [IconName, Tone, word: string]> = {
  pending: ['absent', 'open', t('Not yet')],
  running: ['running', 'open', t('Looking')],
  waiting: ['clock', 'careful', t('Waiting')],
  passed: ['check', 'good', t('Passed')],
  remarks: ['warning', 'careful', t('Passed, with a remark')],
  unknown: ['unknown', 'open', t('Could not be looked at')],
  failed: ['error', 'bad', t('Failed')],
  blocked: ['absent', 'open', t('Not checked')],
  stopped: ['absent', 'open', t('Stopped')],
};

const OUTCOMES: Record<DoctorFinding['outcome'], readonly [IconName, Tone, word: string]> = {
  ok: ['check', 'good', t('OK')],
  warning: ['warning', 'careful', t('Warning')],
  bad: ['error', 'bad', t('Wrong')],
  unknown: ['unknown', 'open', t('Not certain')],
};

/** One check: its outcome and time, what failed with its fix, and what was found, folded away where all is well. */
export function checkItem(check: DoctorCheck, countdown: Countdown, on: CheckEvents): Child[] {
  const { id, status, title, ms, note, failure, remarks } = check;
  const [name, tone, word] = SIGNS[status];
  return [
    h(
      'div',
      { class: 'check-line' },
      h('h3', {}, visible(title)),
      mark(name, word, tone),
      ms !== undefined && h('span', { class: 'faint time' }, latency(ms)),
    ),
    note !== undefined && h('p', { class: 'faint', dir: 'auto' }, visible(note)),
    failure &&
      h('div', { class: 'trouble' }, ...describeFailure(failure, on, { place: id }), waiting(check, countdown, on)),
    ...remarks.map((remark, number) =>
      h('div', { class: 'trouble remark' }, ...describeFailure(remark, on, { place: `${id} ${number}` })),
    ),
    details(check, on),
  ];
}

/** When it is tried again, and the two ways to decide that oneself. */
function waiting({ id, title, nextTry, until, trying }: DoctorCheck, countdown: Countdown, on: CheckEvents): Child {
  if (nextTry === undefined || until === undefined) return undefined;
  const label = (text: string) => `${text}: ${visible(title)}`;
  const time = (at: number) => countdown.distance(h('span', { class: 'time' }), at);
  const press = (text: string, again: boolean, key: string) =>
    h(
      'button',
      {
        type: 'button',
        class: 'secondary',
        'aria-label': label(text),
        'aria-disabled': trying && 'true', // not `disabled`: that would take the focus away from it
        'data-key': `${key} ${id}`,
        onclick: () => trying || on.wake(id, again),
      },
      text,
    );
  return h(
    'div',
    { class: 'waiting' },
    h(
      'p',
      {},
      t('Such a change takes minutes to reach all of Entra. '),
      ...(trying ? [t('Trying again now')] : [t('Next try: '), time(nextTry)]),
      t('; it gives up: '),
      time(until),
      '.',
    ),
    h('div', { class: 'actions' }, press(t('Try Now'), true, 'now'), press(t('Stop Waiting'), false, 'enough')),
  );
}

function details({ id, title, status, facts, findings, text }: DoctorCheck, on: CheckEvents): Child {
  if (facts.length === 0 && findings.length === 0 && !text) return undefined;
  const open = findings.some(({ outcome }) => outcome === 'bad' || outcome === 'warning');
  return h(
    'details',
    { 'data-key': `details ${id}`, open: open || (status === 'failed' && findings.length > 0) },
    h('summary', {}, t('What was found'), h('span', { class: 'screen-reader-only' }, `: ${visible(title)}`)),
    facts.length > 0 &&
      h(
        'dl',
        { class: 'facts' },
        ...facts.flatMap(({ label, value }) => [h('dt', {}, visible(label)), h('dd', { dir: 'auto' }, visible(value))]),
      ),
    findings.length > 0 && h('ul', { class: 'findings' }, ...findings.map(finding => findingItem(finding, on))),
    text && toSend(text.label, text.value, on),
  );
}

function findingItem({ title, outcome, sentence, fix }: DoctorFinding, on: CheckEvents): HTMLElement {
  const [name, tone, word] = OUTCOMES[outcome];
  return h(
    'li',
    {},
    h('p', { dir: 'auto' }, mark(name, word, tone), ' ', h('strong', {}, visible(title)), ' ', visible(sentence)),
    fix !== undefined && toSend(t('What would mend it'), fix, on),
  );
}

/** Text for somebody else, readable before it is copied. */
function toSend(label: string, text: string, on: CheckEvents): HTMLElement {
  return h(
    'div',
    { class: 'code-block' },
    h(
      'div',
      { class: 'code-header' },
      visible(label),
      copyButton(t('Copy this text'), () => on.copy(text)),
    ),
    h('pre', { tabindex: 0, role: 'group', 'aria-label': visible(label), dir: 'ltr' }, h('code', {}, visible(text))),
  );
}
