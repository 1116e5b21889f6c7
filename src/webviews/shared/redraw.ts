/**
 * Draws a part of the page anew without anybody losing their place: what had the focus, and what was folded open, is
 * found again by its `data-key`. Where the focused thing is gone, the focus goes to the part itself.
 */
export function redraw(part: HTMLElement, draw: () => void): void {
  const folds = () => [...part.querySelectorAll<HTMLDetailsElement>('details[data-key]')];
  const before = new Map(folds().map(fold => [fold.dataset.key, fold.open]));
  const focused = document.activeElement;
  const key = part.contains(focused) ? focused?.closest<HTMLElement>('[data-key]')?.dataset.key : undefined;
  draw();
  for (const fold of folds()) fold.open = before.get(fold.dataset.key) ?? fold.open;
  if (!focused || focused === document.body || document.activeElement !== document.body) return;
  const again = key === undefined ? null : part.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
  (again ?? part).focus({ preventScroll: true });
}
