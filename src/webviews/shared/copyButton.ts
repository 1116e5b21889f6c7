import { attribute, fill, h } from './dom.ts';
import { icon } from './icons.ts';
import { t } from './l10n.ts';

const FLASH_MS = 1500;

/** An icon button that copies through the host (a webview has no clipboard of its own) and shows that it did. */
export function copyButton(label: string, copy: () => void): HTMLButtonElement {
  const button = h('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label }, icon('copy'));
  const flash = flashCopied(copied => {
    fill(button, icon(copied ? 'check' : 'copy'));
    attribute(button, 'title', copied ? t('Copied') : label);
    attribute(button, 'data-copied', copied);
  });
  button.addEventListener('click', () => {
    copy();
    flash();
  });
  return button;
}

/** Shows for a moment that something was copied; called again, the moment begins anew. */
export function flashCopied(show: (copied: boolean) => void): () => void {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    show(true);
    timer = window.setTimeout(() => show(false), FLASH_MS);
  };
}
