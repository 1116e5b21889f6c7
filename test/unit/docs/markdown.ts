import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The text of a file of the project, by its path from the root. */
export const read = (file: string): Promise<string> => readFile(path.join(root, file), 'utf8');

/** Markdown with a mark in place of each fenced block: in there, a `#` begins a comment and no heading. */
export const withoutCode = (markdown: string): string => markdown.replace(/^( *)```[\s\S]*?^\1```$/gm, '$1(code)');

export interface Heading {
  level: number;
  /** Without markup. */
  text: string;
  /** Everything that a link may name it by: its own id, and the slug that GitHub and VS Code make of its text. */
  anchors: string[];
  /** What stands below it, up to the next heading of any level. */
  body: string;
}

/** The headings of a document, in order. */
export function headingsOf(markdown: string): Heading[] {
  const parts = withoutCode(markdown).split(/^(#{1,6}) (.+)$/m);
  const headings: Heading[] = [];
  for (let index = 1; index < parts.length; index += 3) {
    const [marks = '', line = '', body = ''] = parts.slice(index, index + 3);
    const ids = [...line.matchAll(/<a id="([^"]+)"><\/a>/g)].map(match => match[1] ?? '');
    const text = line.replace(/<[^>]+>|[`*]/g, '').trim();
    headings.push({ level: marks.length, text, anchors: [...ids, slugOf(text)], body });
  }
  return headings;
}

function slugOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}
