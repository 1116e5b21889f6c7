type Handler = (event: never) => void;
type Props = Readonly<Record<string, string | number | boolean | Handler | undefined>>;
export type Child = Node | string | undefined | false;

/**
 * An element: strings and numbers become attributes, booleans switch one on or off, functions listen (`onclick`).
 * Children that are strings become text nodes, never markup.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else if (value !== undefined) attribute(element, name, value);
  }
  element.append(...present(children));
  return element;
}

/** Sets, or with `false` and undefined removes, an attribute; touches the DOM only when it changes. */
export function attribute(element: Element, name: string, value: string | number | boolean | undefined): void {
  if (value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value))
    element.setAttribute(name, value === true ? '' : String(value));
}

/** Replaces the children of an element. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...present(children));
}

/** Sets the text of an element; touches the DOM only when it changes, so that a selection survives. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function present(children: Child[]): (Node | string)[] {
  return children.filter(child => child !== undefined && child !== false);
}
