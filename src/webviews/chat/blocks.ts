/** What a Markdown parser says of a block: nesting depth and the half-open range of lines. */
export interface BlockToken {
  readonly level: number;
  readonly nesting: number;
  readonly map: readonly [number, number] | null;
}

/**
 * Where the open part of a growing Markdown text begins: the index of the first token and the line of the last
 * top-level block that starts on a complete line. Everything before it is settled, because Markdown is decided line by
 * line and new lines can change only the last block (CommonMark, appendix "phase 1"). The unfinished last line can't
 * be trusted to start a block: `-` may become a list item, a rule or plain text.
 */
export function openBlock(tokens: readonly BlockToken[], completeLines: number): { token: number; line: number } {
  let open = { token: 0, line: 0 };
  for (const [index, token] of tokens.entries()) {
    if (token.level !== 0 || token.nesting < 0 || !token.map) continue;
    if (token.map[0] >= completeLines) break;
    open = { token: index, line: token.map[0] };
  }
  return open;
}

/** Offset of the start of a line (the first is 0) in a text with `\n` as its only line end. */
export function lineOffset(text: string, line: number): number {
  let offset = 0;
  for (let passed = 0; passed < line; passed++) {
    const end = text.indexOf('\n', offset);
    if (end < 0) return text.length;
    offset = end + 1;
  }
  return offset;
}
