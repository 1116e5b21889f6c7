import { attribute, fill, h } from './dom.ts';
import { icon } from './icons.ts';
import { t } from './l10n.ts';

/** An icon button that copies through the host (a webview has no clipboard of its own) and shows that it did. */
export function copyButton(label: string, copy: () => void): HTMLButtonElement {
  const button = h('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label }, icon('copy'));
  let timer = 0;
  button.addEventListener('click', () => {
    copy();
    clearTimeout(timer);
    show(true);
    timer = window.setTimeout(() => show(false), 1500);
  });
  const show = (copied: boolean) => {
    fill(button, icon(copied ? 'check' : 'copy'));
    attribute(button, 'title', copied ? t('Copied') : label);
    attribute(button, 'data-copied', copied);
  };
  return button;
}
