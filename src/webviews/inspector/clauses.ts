import type { RuleClause } from '../../protocol/inspector.ts';
import { visible } from '../../protocol/visible.ts';
import { type Child, h } from '../shared/dom.ts';
import { t } from '../shared/l10n.ts';
import { verdict } from './marks.ts';

/** A rule as an outline: every clause with how it came out and what it looked at, beneath what joins them. */
export function clauseOutline(clauses: readonly RuleClause[]): HTMLElement {
  const root = h('ul', { class: 'clauses' });
  const open: HTMLElement[] = [root];
  for (const clause of clauses) {
    open.length = Math.min(clause.depth + 1, open.length);
    const item = h('li', {}, ...lineOf(clause));
    open.at(-1)!.append(item);
    if (clause.kind === 'leaf') continue;
    const inner = h('ul');
    item.append(inner);
    open.push(inner);
  }
  return root;
}

function lineOf({ kind, text, outcome, facts }: RuleClause): Child[] {
  const what =
    kind === 'leaf'
      ? h('code', { dir: 'ltr' }, visible(text))
      : h('span', {}, kind === 'all' ? t('all of these') : t('any of these'));
  return [
    verdict(outcome),
    ' ',
    what,
    facts.length > 0 &&
      h(
        'p',
        { class: 'faint' },
        t('In the token:'),
        ...facts.flatMap((fact, index) => [
          index === 0 ? ' ' : ', ',
          h('code', { dir: 'ltr' }, visible(fact.name)),
          ...(fact.value === undefined
            ? [` ${t('is absent')}`]
            : [' = ', h('code', { dir: 'ltr' }, visible(fact.value))]),
        ]),
      ),
  ];
}
