import * as v from 'valibot';
import type { OfferedTool } from './request.ts';
import type { Done, Turn } from './turn.ts';

const WHO = 'I am the demo model of the Agent ID sandbox, not a real language model.';

/** What the model says when it calls nothing more: from the tools' results, or about itself. */
export function answer(turn: Turn, tools: readonly OfferedTool[]): string {
  return turn.done.length > 0 ? fromResults(turn.done) : introduction(tools);
}

/** Prompts about the conversation itself, which need no tool. */
export function smallTalk(turn: Turn): string | undefined {
  if (/\b(system prompt|your instructions)\b/i.test(turn.prompt))
    return turn.system ? `My instructions are: ${turn.system}` : 'I was given no instructions.';
  if (/\bwhat (did|have) i (ask|say|said|asked)\b/i.test(turn.prompt)) {
    const last = turn.earlier.at(-1);
    return last === undefined ? 'This is the first thing that you ask me.' : `Before this you asked: "${last}"`;
  }
  return /\blong (answer|text|story)\b/i.test(turn.prompt) ? longText() : undefined;
}

function introduction(tools: readonly OfferedTool[]): string {
  if (tools.length === 0)
    return `${WHO} I answer from the results of tools, and I was offered no tools with this request.`;
  const names = tools.map(tool => `- \`${tool.name}\``).join('\n');
  return [
    `${WHO} I look for tools whose names and descriptions fit your words, call them, and quote what they return. I was offered these:`,
    names,
    'Ask for two things at once ("search the docs for workload identity and the web for token claims") and I call both tools in parallel. Name a tool ("use some_tool") and I call it even if it is not in my list.',
  ].join('\n\n');
}

function fromResults(done: readonly Done[]): string {
  const parts = done.map(({ name, result }) => {
    const text = result.trim();
    if (text === '') return `\`${name}\` returned nothing.`;
    if (isError(text)) return `\`${name}\` did not work. It answered: ${clip(text, 300)}`;
    return `\`${name}\` says:\n\n${quote(text)}`;
  });
  const failed = done.filter(({ result }) => isError(result.trim())).length;
  const opening =
    failed === done.length
      ? 'I could not get an answer from a tool.'
      : `Here is what ${done.length === 1 ? 'the tool' : 'the tools'} returned.`;
  return [opening, ...parts, `_${WHO} I quote what tools return and add nothing._`].join('\n\n');
}

/** Results carry no status in a conversation: a client writes the failure as text. */
function isError(text: string): boolean {
  return /^(?:\W*)(?:error|failed|failure|denied|refused|rejected|cancelled|declined|invalid|unknown tool|tool .{1,80} not found|the (?:user|tool|page|gateway) .{0,80}(?:declined|refused|failed|could not|denied))/i.test(
    text,
  );
}

const record = v.record(v.string(), v.unknown());

interface Item {
  title?: string;
  url?: string;
  text: string;
}

/** At most two entries of a list of hits, else the beginning of the text, as markdown quotes. */
function quote(text: string): string {
  const items = itemsOfJson(text) ?? itemsOfText(text);
  if (!items) return block(clip(text, 500));
  return items
    .slice(0, 2)
    .map(({ title, url, text: body }) => {
      const source = title ? (url ? `[${title}](${url})` : title) : url;
      return `${block(clip(body, 400))}${source ? `\n>\n> — ${source}` : ''}`;
    })
    .join('\n\n');
}

const block = (text: string) =>
  text
    .split('\n')
    .map(line => `> ${line}`.trimEnd())
    .join('\n');

/** Objects in a JSON list, or in the first list of a JSON object. */
function itemsOfJson(text: string): Item[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const list = Array.isArray(value)
    ? value
    : v.is(record, value)
      ? Object.values(value).find(Array.isArray)
      : undefined;
  const items = (list ?? []).filter(entry => v.is(record, entry)).map(toItem);
  return items.length > 0 ? items : undefined;
}

function toItem(entry: Record<string, unknown>): Item {
  const find = (pattern: RegExp) => {
    const value = Object.entries(entry).find(([key, field]) => pattern.test(key) && typeof field === 'string')?.[1];
    return typeof value === 'string' ? value : undefined;
  };
  const title = find(/^(title|name|heading)$/i);
  const url = find(/ur[il]$|link$/i);
  const text = find(/content$|text$|snippet|summary|description|excerpt/i) ?? JSON.stringify(entry);
  return { text, ...(title !== undefined && { title }), ...(url !== undefined && { url }) };
}

/** Blocks of `Title:`, `URL:` and `Text:` lines. */
function itemsOfText(text: string): Item[] | undefined {
  const items = [...text.matchAll(/^Title: (.+)\nURL: (\S+)\nText: (.+)$/gm)].map(
    ([, title = '', url = '', body = '']) => ({ title, url, text: body }),
  );
  return items.length > 0 ? items : undefined;
}

/** Cut at the end of a sentence or a word, never in the middle. */
function clip(text: string, length: number): string {
  if (text.length <= length) return text;
  const cut = text.slice(0, length);
  const end = Math.max(cut.lastIndexOf('. ') + 1, cut.lastIndexOf('\n'));
  return `${(end > length / 2 ? cut.slice(0, end) : cut.slice(0, cut.lastIndexOf(' '))).trimEnd()} …`;
}

/** Enough text to interrupt. */
function longText(): string {
  const sentences = Array.from({ length: 150 }, (_, index) => `This is sentence ${index + 1} of a long answer.`);
  return `${WHO} Here is a long answer, so that you can stop it. ${sentences.join(' ')}`;
}
