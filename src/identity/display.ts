const MAX_VALUE = 2000;

/**
 * A value of a token for display, on one line and of limited length. A claim can hold anything: control and direction
 * characters, which could make one value look like another, are spelled out.
 */
export function shown(value: unknown): string {
  const text = plain(value).slice(0, MAX_VALUE * 2); // no more than could be seen is looked at
  const spelled = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, found => `\\u{${found.codePointAt(0)?.toString(16)}}`);
  return spelled.length > MAX_VALUE ? `${spelled.slice(0, MAX_VALUE - 1)}…` : spelled;
}

/** A claim as plain text: lists of texts with commas, everything that has a structure as JSON. */
export function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value.join(', ');
  return JSON.stringify(value) ?? '';
}
