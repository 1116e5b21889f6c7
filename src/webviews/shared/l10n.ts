/** English sentence to the person's language; the host writes it into the page (see `protocol/html`). */
const strings = read();

/** A sentence of the view in the person's language, with `{0}`, `{1}` … replaced by the arguments. */
export function t(sentence: string, ...args: (string | number)[]): string {
  const translated = strings[sentence];
  return (typeof translated === 'string' ? translated : sentence).replace(/\{(\d)\}/g, (hole, index: string) =>
    String(args[Number(index)] ?? hole),
  );
}

function read(): Record<string, unknown> {
  try {
    return JSON.parse(document.getElementById('strings')?.textContent ?? '{}') as Record<string, unknown>;
  } catch {
    return {}; // English
  }
}
