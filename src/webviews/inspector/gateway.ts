import type { Analysis, PolicyRule, PolicyStep, RouteVerdict } from '../../protocol/inspector.ts';
import { visible } from '../../protocol/visible.ts';
import { copyButton } from '../shared/copyButton.ts';
import { type Child, h } from '../shared/dom.ts';
import { t } from '../shared/l10n.ts';
import { clauseOutline } from './clauses.ts';
import { mark } from '../shared/mark.ts';
import { andMore, chip, verdict } from './marks.ts';

/** What the gateway would say on each route: the things that it looks at in its order, rules clause by clause, and the tools. */
export function gatewayVerdicts({ routes, noRoutes }: Analysis, copy: (text: string) => void): HTMLElement[] {
  if (noRoutes !== undefined) return [h('p', { class: 'faint' }, visible(noRoutes))];
  return routes.map(route =>
    h(
      'article',
      {
        class: 'route',
        'data-outcome': route.outcome,
        'aria-label': `${visible(route.title)}, ${visible(route.token)}`,
      },
      h(
        'div',
        { class: 'route-title' },
        h('h3', {}, visible(route.title)),
        verdict(route.outcome),
        h('span', { class: 'faint' }, t('with {0}', visible(route.token))),
      ),
      h('p', { class: 'sentence', dir: 'auto' }, visible(route.sentence)),
      route.steps.length > 0 &&
        h(
          'ol',
          { class: 'steps', 'aria-label': t('What the gateway looks at, in its order') },
          ...route.steps.map((step, index) => h('li', {}, ...stepParts(step, `${route.id} ${index}`, copy))),
        ),
      tools(route),
    ),
  );
}

function stepParts(step: PolicyStep, key: string, copy: (text: string) => void): Child[] {
  const rules = step.rules.length + (step.moreRules ?? 0);
  return [
    h(
      'p',
      {},
      verdict(step.outcome),
      ' ',
      h('strong', {}, visible(step.title)),
      ' ',
      h('span', { dir: 'auto' }, visible(step.sentence)),
    ),
    step.remedy && remedy(step.remedy, copy),
    step.rules.length > 0 &&
      h(
        'details',
        // Another outcome is another fold: what was of no interest before is what to look at now.
        { 'data-key': `rules ${key} ${step.outcome}`, open: step.outcome !== 'passes' && step.outcome !== 'skipped' },
        h('summary', {}, rules === 1 ? t('1 rule') : t('{0} rules', rules)),
        ...step.rules.map(ruleCard),
        andMore(step.moreRules),
      ),
  ];
}

function ruleCard(rule: PolicyRule): HTMLElement {
  return h(
    'div',
    { class: 'rule' },
    h('p', { class: 'chips' }, chip(rule.mode), rule.mode === 'deny' ? denial(rule.outcome) : verdict(rule.outcome)),
    clauseOutline(rule.clauses),
  );
}

/** A deny rule that holds is no good news. */
function denial(outcome: PolicyRule['outcome']): HTMLElement {
  if (outcome === 'unknown') return verdict(outcome);
  return outcome === 'holds' ? mark('denied', t('Applies'), 'bad') : mark('check', t('Does not apply'), 'good');
}

/** What would mend it, and as text that can be sent to whoever can. */
function remedy({ sentence, text }: NonNullable<PolicyStep['remedy']>, copy: (text: string) => void): HTMLElement {
  return h(
    'div',
    { class: 'remedy' },
    h('p', { dir: 'auto' }, h('strong', {}, t('What would mend it:')), ' ', visible(sentence)),
    text !== undefined &&
      h(
        'div',
        { class: 'code-block' },
        h(
          'div',
          { class: 'code-header' },
          t('To send'),
          copyButton(t('Copy this text'), () => copy(text)),
        ),
        h('pre', { tabindex: 0, role: 'group', 'aria-label': t('Text to send') }, h('code', {}, visible(text))),
      ),
  );
}

function tools({ id, tools: all }: RouteVerdict): Child {
  if (all.length === 0) return undefined;
  const count = (outcome: RouteVerdict['tools'][number]['outcome']) =>
    all.filter(tool => tool.outcome === outcome).length;
  const [hidden, unknown] = [count('hidden'), count('unknown')];
  const words = [
    t('{0} allowed', count('allowed')),
    ...(hidden > 0 ? [t('{0} hidden', hidden)] : []),
    ...(unknown > 0 ? [t('{0} not certain', unknown)] : []),
  ];
  return h(
    'details',
    { 'data-key': `tools ${id}`, open: hidden + unknown > 0 },
    h('summary', {}, t('Tools: {0}', words.join(', '))),
    h(
      'ul',
      { class: 'tools' },
      ...all.map(tool =>
        h(
          'li',
          {},
          verdict(tool.outcome),
          h(
            'span',
            {},
            h('code', {}, visible(tool.name)),
            tool.target !== undefined && h('span', { class: 'faint' }, ` ${t('of {0}', visible(tool.target))}`),
          ),
          tool.reason !== undefined && h('p', { class: 'faint', dir: 'auto' }, visible(tool.reason)),
        ),
      ),
    ),
  );
}
