import { safeHref } from '../../protocol/links.ts';

/**
 * Every link of the page goes to the host, which asks before it opens anything. Caught before the editor's own
 * handler, which would open it at once; anything that is not a link we allow leads nowhere.
 */
export function routeLinks(open: (href: string) => void): void {
  const catchLink = (event: MouseEvent) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const href = safeHref(link.getAttribute('href') ?? '');
    if (href && event.button < 2) open(href);
  };
  window.addEventListener('click', catchLink, { capture: true });
  window.addEventListener('auxclick', catchLink, { capture: true });
}
