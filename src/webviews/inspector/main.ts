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
import { documentationHref } from '../../protocol/links.ts';
import { Receiver } from '../../protocol/receiver.ts';
import { visible } from '../../protocol/visible.ts';
import { Announcer } from '../shared/announcer.ts';
import { attribute, fill, h } from '../shared/dom.ts';
import { describeFailure, type FailureEvents } from '../shared/failure.ts';
import { connectHost } from '../shared/host.ts';
import { icon, type IconName } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';
import { routeLinks } from '../shared/links.ts';
import { ModeLine } from '../shared/modeLine.ts';
import { tokenChain } from './chain.ts';
import { Claims } from './claims.ts';
import { ComparisonTable } from './comparison.ts';
import { Countdown } from '../shared/countdown.ts';
import { gatewayVerdicts } from './gateway.ts';
import { redraw } from '../shared/redraw.ts';
import { ClaimSearch } from './search.ts';
import { Summary } from './summary.ts';

const host = connectHost<FromInspector>(receive);
const receiver = new Receiver(emptyInspector, applyToInspector);
/** What each part of the page shows, as text: a part is drawn anew only when that changes. */
const shown = new Map<string, string>();
const regions = new Map<string, Claims>();
let scroll = savedScroll(host.restore());

const countdown = new Countdown(() => {
  summary.tick();
  for (const claims of regions.values()) claims.tick();
});
const announcer = new Announcer();
const say = (text: string) => announcer.say(text);
const modeLine = new ModeLine();
const failureEvents: FailureEvents = {
  run: id => host.post({ type: 'runAction', id }),
  copy: text => host.post({ type: 'copyText', text }),
};
const summary = new Summary(countdown, goTo, failureEvents);
const comparison = new ComparisonTable(say);
const search = new ClaimSearch(filterClaims, say);
const explanation = h('div', { class: 'explanation' });
const chain = section('chain', t('How the tokens follow from each other'));
const gateway = section('gateway', t('Would the gateway let it in?'));
const changes = section('comparison', t('What changed on the way'), comparison.element);
const list = h('div', { tabindex: -1 });
const tokens = h('div', { class: 'table-box' }, summary.element);
const refresh = button('primary', 'refresh', t('Refresh'), t('Ask for new tokens, whatever is cached'), askForNew);
const save = button('secondary', 'save', t('Export…'), t('Open what is shown as JSON, without the tokens'), () =>
  host.post({ type: 'export' }),
);
const paste = button('secondary', 'key', t('Inspect Pasted Token…'), t('Read a token from elsewhere, offline'), () =>
  host.post({ type: 'paste' }),
);

document.body.append(
  h(
    'header',
    {},
    h('div', {}, h('h1', {}, t('Tokens')), modeLine.element),
    h('div', { class: 'actions' }, refresh, paste, save),
  ),
  h('main', {}, explanation, chain.element, tokens, gateway.element, changes.element, search.element, list),
  announcer.element,
);
addEventListener('visibilitychange', () => document.hidden && concealAll());
addEventListener('pagehide', concealAll);
addEventListener('scrollend', () => host.save({ scroll: window.scrollY }));
routeLinks(documentationHref, href => host.post({ type: 'openSource', href }));
host.post({ type: 'ready' });

function receive(data: unknown): void {
  const message = parseToInspector(data);
  if (!message) return;
  switch (message.type) {
    case 'conceal':
      return concealAll();
    case 'goTo':
      return goTo(message.token);
    case 'raw':
      concealAll(); // one at a time
      if (!document.hidden) regions.get(message.token)?.raw?.show(visible(message.raw), message.clearAfterMs);
      return;
    case 'snapshot':
      countdown.set(message.now);
      break;
    case 'patch':
  }
  const before = receiver.state;
  const received = receiver.receive(message);
  if (received === 'gap') host.post({ type: 'needSnapshot' });
  if (received === 'changed') draw(receiver.state, before);
}

function draw(state: InspectorState, before: InspectorState): void {
  const { mode, analysis } = state;
  modeLine.show(mode);
  if (state.explanation !== before.explanation) explain(state.explanation);
  const empty = state.tokens.length === 0;
  for (const element of [tokens, search.element, refresh, save]) element.hidden = empty;
  chain.element.hidden = analysis.hops.length === 0;
  gateway.element.hidden = analysis.routes.length === 0 && analysis.noRoutes === undefined;
  changes.element.hidden = analysis.comparison === undefined;
  anew('chain', [analysis.hops, state.tokens], () =>
    redraw(chain.body, () => fill(chain.body, tokenChain(analysis.hops, { tokens: state.tokens, countdown, goTo }))),
  );
  anew('gateway', analysis.routes.length > 0 ? analysis.routes : analysis.noRoutes, () =>
    redraw(gateway.body, () =>
      fill(gateway.body, ...gatewayVerdicts(analysis, text => host.post({ type: 'copyText', text }))),
    ),
  );
  anew('comparison', analysis.comparison, () => redraw(comparison.element, () => comparison.show(analysis.comparison)));
  if (state.tokens !== before.tokens) {
    summary.show(state.tokens);
    drawRegions(state.tokens);
  }
  const refreshing = state.refreshing;
  attribute(refresh, 'aria-disabled', refreshing ? 'true' : undefined); // disabled would lose the focus
  if (before.refreshing && !refreshing) say(outcome(state));
  if (scroll > 0 && !empty) {
    window.scrollTo({ top: scroll });
    scroll = 0;
  }
}

function drawRegions(all: readonly InspectedToken[]): void {
  for (const [id, claims] of regions)
    if (!all.some(token => token.id === id && token.details)) {
      claims.raw?.conceal(); // an element that is off the page still holds its text
      regions.delete(id);
      shown.delete(`token ${id}`);
    }
  redraw(list, () => {
    for (const token of all) {
      const { details } = token;
      if (!details) continue;
      anew(`token ${token.id}`, [token.label, details], () => {
        regions.get(token.id)?.raw?.conceal(); // it is of the token that was
        regions.set(token.id, new Claims(token, details, countdown, events));
      });
    }
    const elements = all.flatMap(token => regions.get(token.id)?.element ?? []);
    const same =
      elements.length === list.childElementCount && elements.every((element, n) => element === list.children[n]);
    if (!same) fill(list, ...elements);
  });
  search.apply();
}

/** Calls `drawIt` when that part of the page is to show something else than it does. */
function anew(part: string, content: unknown, drawIt: () => void): void {
  const text = JSON.stringify(content) ?? '';
  if (shown.get(part) === text) return;
  shown.set(part, text);
  drawIt();
}

const events = {
  reveal: (token: string) => host.post({ type: 'reveal', token }),
  copy: (token: string) => host.post({ type: 'copyRaw', token }),
  forget: (token: string) => host.post({ type: 'forget', token }),
};

/** What came of a refresh, for those who can't see it. */
function outcome({ tokens: all }: InspectorState): string {
  const failed = all.filter(token => token.status.kind === 'error').map(token => visible(token.label));
  return failed.length === 0 ? t('Tokens refreshed.') : t('Tokens refreshed; failed: {0}.', failed.join(', '));
}

/** Why there are no tokens, with the two ways to get some. */
function explain(why: string | undefined): void {
  const way = (id: ActionId, label: string) => ({ id, label });
  const actions = [
    way('agentId.connect', t('Connect to a Cluster')),
    way('agentId.startSandbox', t('Start the Sandbox')),
  ];
  fill(explanation, ...(why ? describeFailure({ sentence: why, actions }, failureEvents) : []));
}

function concealAll(): void {
  for (const claims of regions.values()) claims.raw?.conceal();
}

function askForNew(): void {
  if (!receiver.state.refreshing) host.post({ type: 'refresh' });
}

function filterClaims(words: string): number {
  return [...regions.values()].reduce((sum, claims) => sum + claims.filter(words), 0);
}

function goTo(token: string): void {
  const element = regions.get(token)?.element;
  element?.scrollIntoView({ block: 'start' });
  element?.focus({ preventScroll: true });
}

function section(name: string, title: string, body: HTMLElement = h('div', { tabindex: -1 })) {
  const heading = h('h2', { id: `${name}-title` }, title);
  return { body, element: h('section', { 'aria-labelledby': heading.id, hidden: true }, heading, body) };
}

function button(kind: string, name: IconName, label: string, title: string, press: () => void): HTMLButtonElement {
  return h('button', { type: 'button', class: kind, title, onclick: press }, icon(name), h('span', {}, label));
}

function savedScroll(data: unknown): number {
  const parsed = v.safeParse(v.object({ scroll: v.number() }), data);
  return parsed.success ? parsed.output.scroll : 0;
}
