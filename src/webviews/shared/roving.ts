/** One tab stop for a list of buttons; arrow keys, Home and End move within it. */
export function roving(buttons: readonly HTMLElement[]): void {
  for (const [index, button] of buttons.entries()) {
    button.tabIndex = index === 0 ? 0 : -1;
    button.addEventListener('keydown', event => {
      const last = buttons.length - 1;
      const targets: Record<string, number> = {
        ArrowDown: Math.min(index + 1, last),
        ArrowRight: Math.min(index + 1, last),
        ArrowUp: Math.max(index - 1, 0),
        ArrowLeft: Math.max(index - 1, 0),
        Home: 0,
        End: last,
      };
      const target = buttons[targets[event.key] ?? -1];
      if (!target) return;
      event.preventDefault();
      for (const other of buttons) other.tabIndex = other === target ? 0 : -1;
      target.focus();
    });
  }
}
