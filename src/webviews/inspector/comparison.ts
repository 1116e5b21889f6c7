import type { Comparison, Difference } from '../../protocol/inspector.ts';
import { visible } from '../../protocol/visible.ts';
import { fill, h, say } from '../shared/dom.ts';
import { t } from '../shared/l10n.ts';
import { andMore, verdict } from './marks.ts';

/** The claims of the chain side by side, each against the user's own token; at first only what changed and means something. */
export class ComparisonTable {
  readonly element = h('div');
  readonly #onlyChanged: HTMLInputElement;
  readonly #count = h('span', { class: 'faint' });
  #rows: { element: HTMLElement; changed: boolean; perToken: boolean }[] = [];

  constructor(announce: (text: string) => void) {
    const toggle = () => {
      this.#filter();
      announce(this.#count.textContent);
    };
    this.#onlyChanged = h('input', { type: 'checkbox', checked: true, 'data-key': 'only changed', onchange: toggle });
  }

  show(comparison: Comparison | undefined): void {
    this.#rows = (comparison?.rows ?? []).map(row => ({
      element: rowOf(row, comparison?.columns ?? []),
      changed: row.cells.some(cell => cell.change !== undefined && cell.change !== 'same'),
      perToken: row.perToken === true,
    }));
    this.element.hidden = comparison === undefined;
    const titles = [t('Claim'), ...(comparison?.columns ?? []).map(column => visible(column.label)), t('Why')];
    fill(
      this.element,
      h(
        'div',
        { class: 'section-tools' },
        h('label', { class: 'check' }, this.#onlyChanged, h('span', {}, t('Only what changed'))),
        this.#count,
      ),
      h(
        'table',
        { role: 'table', class: 'comparison', 'aria-labelledby': 'comparison-title' },
        h(
          'thead',
          { role: 'rowgroup' },
          h('tr', { role: 'row' }, ...titles.map(title => h('th', { role: 'columnheader', scope: 'col' }, title))),
        ),
        h('tbody', { role: 'rowgroup' }, ...this.#rows.map(({ element }) => element)),
      ),
      andMore(comparison?.moreRows),
    );
    this.#filter();
  }

  #filter(): void {
    const only = this.#onlyChanged.checked;
    for (const { element, changed, perToken } of this.#rows) element.hidden = only && (!changed || perToken);
    const shown = this.#rows.filter(({ element }) => !element.hidden).length;
    const left = only ? this.#rows.filter(({ changed, perToken }) => changed && perToken).length : 0;
    const parts = [
      t('{0} of {1} claims', shown, this.#rows.length),
      ...(left > 0 ? [t('without {0} that are new in every token', left)] : []),
    ];
    say(this.#count, parts.join(' · '));
  }
}

function rowOf({ name, cells, why, alarm }: Difference, columns: Comparison['columns']): HTMLElement {
  return h(
    'tr',
    { role: 'row', 'data-claim': visible(name) },
    h('th', { role: 'rowheader', scope: 'row' }, h('code', {}, visible(name))),
    ...cells.map((cell, index) =>
      h(
        'td',
        { role: 'cell', 'data-title': visible(columns[index]?.label ?? ''), 'data-change': cell.change },
        h(
          'div',
          {},
          cell.value === undefined
            ? h('span', { class: 'faint' }, t('absent'))
            : h('code', { dir: 'ltr', class: 'value' }, visible(cell.value)),
          cell.change !== undefined && cell.change !== 'same' && verdict(cell.change),
        ),
      ),
    ),
    h('td', { role: 'cell', class: 'why' }, alarm && verdict('warning'), ' ', why === undefined ? '' : visible(why)),
  );
}
