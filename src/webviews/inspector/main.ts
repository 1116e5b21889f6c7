/**
 * The token inspector, in the page that `protocol/html` builds: an empty body with `data-view="inspector"`. Nothing of
 * it is kept by the editor but the scroll position: no state that is saved ever holds a token.
 */
import * as v from 'valibot';
import {
  applyToInspector,
  emptyInspector,
  type FromInspector,
  type InspectedToken,
  type InspectorState,
  parseToInspector,
} from '../../protocol/inspector.ts';
import type { ActionId } from '../../protocol/common.ts';
import { Receiver } from '../../protocol/receiver.ts';
import { visible } from '../../protocol/visible.ts';
import { Announcer } from '../shared/announcer.ts';
import { attribute, fill, h } from '../shared/dom.ts';
import { describeFailure } from '../shared/failure.ts';
import { connectHost } from '../shared/host.ts';
import { icon } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';
import { ModeLine } from '../shared/modeLine.ts';
import { tokenChain } from './chain.ts';
import { Claims } from './claims.ts';
import { Countdown } from './countdown.ts';
import { Summary } from './summary.ts';

const host = connectHost<FromInspector>(receive);
const receiver = new Receiver(emptyInspector, applyToInspector);
/** The regions on the page, with what they show as text: one is built anew only when that changes. */
const regions = new Map<string, { shown: string; claims: Claims }>();
let scroll = savedScroll(host.restore());

const countdown = new Countdown(() => {
  summary.tick();
  for (const { claims } of regions.values()) claims.tick();
});
const announcer = new Announcer();
const modeLine = new ModeLine();
const summary = new Summary(countdown, goTo, run);
const explanation = h('div', { class: 'explanation' });
const chain = h('div');
const tokens = h('div', { class: 'table-box' }, summary.element);
const list = h('div');
const refresh = h(
  'button',
  { type: 'button', class: 'primary', title: t('Ask for new tokens, whatever is cached'), onclick: askForNew },
  icon('refresh'),
  h('span', {}, t('Refresh')),
);

document.body.append(
  h('header', {}, h('div', {}, h('h1', {}, t('Tokens')), modeLine.element), refresh),
  h('main', {}, explanation, chain, tokens, list),
  announcer.element,
);
addEventListener('visibilitychange', () => document.hidden && concealAll());
addEventListener('pagehide', concealAll);
addEventListener('scrollend', () => host.save({ scroll: window.scrollY }));
host.post({ type: 'ready' });

function receive(data: unknown): void {
  const message = parseToInspector(data);
  if (!message) return;
  if (message.type === 'conceal') return concealAll();
  if (message.type === 'raw') {
    concealAll(); // one at a time
    if (!document.hidden) regions.get(message.token)?.claims.raw.show(visible(message.raw), message.clearAfterMs);
    return;
  }
  if (message.type === 'snapshot') countdown.set(message.now);
  const before = receiver.state;
  const received = receiver.receive(message);
  if (received === 'gap') host.post({ type: 'needSnapshot' });
  if (received === 'changed') draw(receiver.state, before);
}

function draw(state: InspectorState, before: InspectorState): void {
  const { mode } = state;
  modeLine.show(mode);
  if (state.explanation !== before.explanation) explain(state.explanation);
  fill(chain, (mode.kind === 'connected' || mode.kind === 'sandbox') && tokenChain(state.tokens));
  tokens.hidden = state.tokens.length === 0;
  if (state.tokens !== before.tokens) {
    summary.show(state.tokens);
    drawRegions(state.tokens);
  }
  const refreshing = state.refreshing;
  attribute(refresh, 'aria-disabled', refreshing ? 'true' : undefined); // disabled would lose the focus
  refresh.hidden = state.tokens.length === 0;
  if (before.refreshing && !refreshing) announcer.say(t('Tokens refreshed.'));
  if (scroll > 0 && state.tokens.length > 0) {
    window.scrollTo({ top: scroll });
    scroll = 0;
  }
}

function drawRegions(all: readonly InspectedToken[]): void {
  for (const id of regions.keys()) if (!all.some(token => token.id === id && token.details)) regions.delete(id);
  for (const token of all) {
    const shown = JSON.stringify([token.label, token.details]);
    if (!token.details || regions.get(token.id)?.shown === shown) continue;
    regions.get(token.id)?.claims.raw.conceal(); // it is of the token that was
    regions.set(token.id, { shown, claims: new Claims(token, token.details, countdown, events) });
  }
  const elements = all.flatMap(token => regions.get(token.id)?.claims.element ?? []);
  if (elements.length !== list.childElementCount || elements.some((element, n) => element !== list.children[n]))
    fill(list, ...elements);
}

const events = {
  reveal: (token: string) => host.post({ type: 'reveal', token }),
  copy: (token: string) => host.post({ type: 'copyRaw', token }),
};

/** Why there are no tokens, with the two ways to get some. */
function explain(why: string | undefined): void {
  const way = (id: ActionId, label: string) => ({ id, label });
  const actions = [
    way('agentId.connect', t('Connect to a Cluster')),
    way('agentId.startSandbox', t('Start the Sandbox')),
  ];
  fill(explanation, ...(why ? describeFailure({ sentence: why, actions }, run) : []));
}

function run(id: ActionId): void {
  host.post({ type: 'runAction', id });
}

function concealAll(): void {
  for (const { claims } of regions.values()) claims.raw.conceal();
}

function askForNew(): void {
  if (!receiver.state.refreshing) host.post({ type: 'refresh' });
}

function goTo(token: string): void {
  const element = regions.get(token)?.claims.element;
  element?.scrollIntoView({ block: 'start' });
  element?.focus({ preventScroll: true });
}

function savedScroll(data: unknown): number {
  const parsed = v.safeParse(v.object({ scroll: v.number() }), data);
  return parsed.success ? parsed.output.scroll : 0;
}
