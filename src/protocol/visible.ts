/**
 * Characters that can make text read differently from what it is, or hide a part of it: controls (but newline and
 * tab), bidirectional embeddings, overrides and isolates (Unicode UAX 9, "Trojan Source"), invisible format characters,
 * and the tag block that can smuggle whole instructions. Joiners and plain direction marks stay: real scripts need them.
 */
const DECEPTIVE =
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** `text` with every such character spelled out, as in `‹U+202E›`; line ends become `\n`, so lines can be counted. */
export function visible(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(DECEPTIVE, character => `‹U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}›`);
}
