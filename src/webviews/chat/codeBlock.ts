import { copyButton } from '../shared/copyButton.ts';
import { h } from '../shared/dom.ts';
import { t } from '../shared/l10n.ts';
import { highlight } from './highlight.ts';
import { purify } from './markdown.ts';

/**
 * Turns the plain `<pre><code class="language-…">` of Markdown into a block with the language's name, a copy button
 * and, once it is complete, colours. The scrolling part can be reached and scrolled with the keyboard.
 */
export function dressCodeBlocks(root: ParentNode, complete: boolean, copy: (text: string) => void): void {
  for (const code of root.querySelectorAll('pre > code')) {
    const language = /^language-([\w+#.-]{1,20})$/.exec(code.className)?.[1];
    const text = code.textContent;
    const colours = complete && language ? highlight(text, language.toLowerCase()) : undefined;
    const pre = h(
      'pre',
      { tabindex: 0, role: 'group', 'aria-label': language ? t('{0} code', language) : t('Code') },
      h('code', {}, colours === undefined ? text : purify(colours)),
    );
    const block = h(
      'div',
      { class: 'code-block' },
      h(
        'div',
        { class: 'code-header' },
        h('span', {}, language ?? ''),
        copyButton(t('Copy Code'), () => copy(text)),
      ),
      pre,
    );
    code.parentElement?.replaceWith(block);
  }
}

/** Wide tables scroll inside their own box instead of stretching the conversation. */
export function wrapTables(root: ParentNode): void {
  for (const table of root.querySelectorAll('table')) {
    const box = h('div', { class: 'table-box', tabindex: 0, role: 'group', 'aria-label': t('Table') });
    table.replaceWith(box);
    box.append(table);
  }
}
