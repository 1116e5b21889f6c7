/** The Doctor's page, in what `protocol/html` builds: an empty body with `data-view="doctor"`. */
import {
  applyToDoctor,
  emptyDoctor,
  type DoctorCheck,
  type DoctorState,
  type FromDoctor,
  parseToDoctor,
} from '../../protocol/doctor.ts';
import { Receiver } from '../../protocol/receiver.ts';
import { visible } from '../../protocol/visible.ts';
import { Announcer } from '../shared/announcer.ts';
import { Countdown } from '../shared/countdown.ts';
import { fill, h, say } from '../shared/dom.ts';
import { connectHost } from '../shared/host.ts';
import { icon, type IconName } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';
import { redraw } from '../shared/redraw.ts';
import { duration } from '../shared/time.ts';
import { type CheckEvents, checkItem } from './checkItem.ts';

const host = connectHost<FromDoctor>(receive);
const receiver = new Receiver(emptyDoctor, applyToDoctor);
const countdown = new Countdown(() => receiver.state.phase === 'running' && say(summary, progress(receiver.state)));
const announcer = new Announcer();
/** What each row shows, as text: it is drawn anew only when that changes. */
const shown = new Map<string, string>();
const rows = new Map<string, HTMLElement>();
const summary = h('p', { class: 'summary', dir: 'auto' });
const about = h('p', { class: 'faint', dir: 'auto' });
const list = h('div', { tabindex: -1 });
const again = button('primary', 'refresh', t('Run Again'), () => host.post({ type: 'run' }));
const stop = button('primary', 'stop', t('Stop'), () => host.post({ type: 'stop' }));
const toFailure = button('secondary', 'error', t('First Failure'), () => showRow(failing(receiver.state)));
const toWait = button('secondary', 'clock', t('What It Waits For'), () => showRow(waiting(receiver.state)));
const bundle = button('secondary', 'copy', t('Support Bundle…'), () => host.post({ type: 'bundle' }));

for (const each of [again, stop, toFailure, toWait, bundle]) each.hidden = true; // until it is known what goes on
document.body.append(
  h(
    'header',
    {},
    h('div', {}, h('h1', {}, t('Doctor')), about, summary),
    h('div', { class: 'actions' }, stop, again, toFailure, toWait, bundle),
  ),
  h('main', {}, list),
  announcer.element,
);
host.post({ type: 'ready' });

function receive(data: unknown): void {
  const message = parseToDoctor(data);
  if (!message) return;
  if (message.type === 'snapshot') countdown.set(message.now);
  const before = receiver.state;
  const received = receiver.receive(message);
  if (received === 'gap') host.post({ type: 'needSnapshot' });
  if (received === 'changed') draw(receiver.state, before);
}

function draw(state: DoctorState, before: DoctorState): void {
  const running = state.phase === 'running';
  const focused = document.activeElement;
  stop.hidden = !running;
  again.hidden = running;
  toFailure.hidden = !failing(state);
  toWait.hidden = !waiting(state);
  bundle.hidden = state.phase !== 'ended';
  if ((focused === stop || focused === again) && focused instanceof HTMLElement && focused.hidden)
    (running ? stop : again).focus();
  say(about, subject(state));
  say(summary, running ? progress(state) : visible(state.summary ?? ''));
  layOut(state.checks);
  for (const check of state.checks) drawCheck(check);
  if (before.phase === 'running') speak(state, before);
}

const failing = ({ checks }: DoctorState) => checks.find(({ status }) => status === 'failed');
const waiting = ({ checks }: DoctorState) => checks.find(({ status }) => status === 'waiting');

/** The list is longer than most screens. */
function showRow(check: DoctorCheck | undefined): void {
  const row = rows.get(check?.id ?? '');
  row?.scrollIntoView({ block: 'center' });
  row?.focus({ preventScroll: true });
}

/** What was examined when: the page stays when another agent is connected. */
function subject({ about: what, began }: DoctorState): string {
  if (began === undefined) return '';
  const time = new Date(began).toLocaleString(document.documentElement.lang || undefined);
  return what === undefined ? time : `${visible(what)} · ${time}`;
}

function progress(state: DoctorState): string {
  const { checks } = state;
  const ended = checks.filter(({ status }) => !['pending', 'running', 'waiting'].includes(status)).length;
  const { title, until } = waiting(state) ?? {};
  if (title !== undefined && until !== undefined)
    return t(
      'Waiting for “{0}”, for {1} at most: {2} of {3} done.',
      visible(title),
      duration(countdown.until(until)),
      ended,
      checks.length,
    );
  return t(
    'Looking: {0} of {1} done. The model is sent one short sentence; nothing else is changed or used up.',
    ended,
    checks.length,
  );
}

/** One list per group, made when the checks are not those that are shown. */
function layOut(checks: readonly DoctorCheck[]): void {
  if (checks.length === rows.size && checks.every(({ id }) => rows.has(id))) return;
  rows.clear();
  shown.clear();
  const groups = new Map<string, HTMLElement[]>();
  for (const { id, group } of checks) {
    const row = h('li', { class: 'check', tabindex: -1 }); // for a focus whose button is gone
    rows.set(id, row);
    groups.set(group, [...(groups.get(group) ?? []), row]);
  }
  fill(
    list,
    ...[...groups].map(([group, items], index) =>
      h(
        'section',
        { 'aria-labelledby': `group-${index}` },
        h('h2', { id: `group-${index}` }, visible(group)),
        h('ol', { 'aria-labelledby': `group-${index}` }, ...items),
      ),
    ),
  );
}

function drawCheck(check: DoctorCheck): void {
  const row = rows.get(check.id);
  const content = JSON.stringify(check);
  if (!row || shown.get(check.id) === content) return;
  shown.set(check.id, content);
  row.dataset.status = check.status;
  redraw(row, () => fill(row, ...checkItem(check, countdown, events)));
}

const events: CheckEvents = {
  run: id => host.post({ type: 'runAction', id }),
  copy: text => host.post({ type: 'copyText', text }),
  wake: (check, again) => host.post({ type: 'wake', check, again }),
};

/** What somebody who can't see the list must hear: each failure, each wait, and the end. */
function speak(state: DoctorState, before: DoctorState): void {
  for (const check of state.checks) {
    const was = before.checks.find(({ id }) => id === check.id)?.status;
    if (was === check.status) continue;
    if (check.status === 'failed') announcer.say(t('{0} failed: {1}', check.title, check.failure?.sentence ?? ''));
    if (check.status === 'waiting') announcer.say(t('{0} is tried again in a moment.', check.title));
  }
  if (state.phase === 'ended' && state.summary) announcer.say(state.summary);
}

function button(kind: string, name: IconName, label: string, press: () => void): HTMLButtonElement {
  return h('button', { type: 'button', class: kind, onclick: press }, icon(name), h('span', {}, label));
}
