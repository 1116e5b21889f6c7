/**
 * Every link of the page goes to the host, which opens it. Caught before the editor's own handler, which would open it
 * at once; what `allowed` has no address for leads nowhere.
 */
export function routeLinks(allowed: (href: string) => string | undefined, open: (href: string) => void): void {
  const catchLink = (event: MouseEvent) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const href = allowed(link.getAttribute('href') ?? '');
    if (href !== undefined && event.button < 2) open(href);
  };
  window.addEventListener('click', catchLink, { capture: true });
  window.addEventListener('auxclick', catchLink, { capture: true });
}
