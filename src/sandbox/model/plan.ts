import { fillArguments } from './arguments.ts';
import type { OfferedTool } from './request.ts';
import type { Turn } from './turn.ts';
import { meaningful, urlsIn, VERBS, wordsOfName } from './words.ts';

export interface PlannedCall {
  name: string;
  arguments: string;
}

interface Scored {
  tool: OfferedTool;
  /** How well a clause fits, higher is better; 0 does not fit. */
  score: (clause: string, urlAtHand: boolean) => number;
  /** Whether a clause names what this tool is called. */
  named: (clause: string) => boolean;
}

/**
 * The calls that a prompt asks for at this point of the turn, none when there is nothing (more) to call. The prompt is
 * read in stages ("… then …"), one for each round; within a stage every part that speaks of a tool of its own gets one
 * call, so "search the docs for X and the web for Y" is two at once. A call that was made before is not made again.
 */
export function planCalls(turn: Turn, tools: readonly OfferedTool[]): PlannedCall[] {
  const seenUrls = turn.done.flatMap(({ result }) => urlsIn(unescaped(result)));
  const scored = scoreTools(tools);
  const made = new Set(turn.done.map(call => `${call.name} ${call.arguments}`));
  for (const stage of turn.prompt.split(/[\s,;.]+(?:and\s+)?then\s+/i).slice(turn.rounds)) {
    const calls = planStage(splitClauses(stage, scored), tools, scored, seenUrls).filter(call => {
      const key = `${call.name} ${call.arguments}`;
      return !made.has(key) && made.add(key);
    });
    if (calls.length > 0) return calls;
  }
  return turn.rounds === 0 ? searchAnyway(turn.prompt, tools) : [];
}

/** A question that fits no tool by its words still goes to a search, if there is one. */
function searchAnyway(prompt: string, tools: readonly OfferedTool[]): PlannedCall[] {
  const asks = /\?\s*$|^(?:what|how|why|when|where|which|who|explain|describe)\b/i.test(prompt.trim());
  const search = tools.find(tool => wordsOfName(tool.name).includes('search'));
  if (!asks || !search || meaningful(prompt).length === 0) return [];
  const material = { clause: prompt, topic: tidy(prompt), seenUrls: [] };
  return [{ name: search.name, arguments: JSON.stringify(fillArguments(search.parameters, material)) }];
}

function planStage(
  clauses: readonly string[],
  tools: readonly OfferedTool[],
  scored: readonly Scored[],
  seenUrls: readonly string[],
): PlannedCall[] {
  return clauses.flatMap((clause, index) => {
    const picked = pick(clause, tools, scored, urlsIn(clause).length + seenUrls.length > 0);
    if (!picked) return [];
    const later = () =>
      clauses
        .slice(index + 1)
        .map(next => topicOf(next))
        .find(Boolean);
    const topic = topicOf(clause, picked.tool) || later() || clause;
    const schema = picked.tool?.parameters ?? guessedSchema(clause);
    return [{ name: picked.name, arguments: JSON.stringify(fillArguments(schema, { clause, topic, seenUrls })) }];
  });
}

/** JSON in a result hides the end of an address behind a backslash. */
const unescaped = (text: string) => text.replaceAll('\\n', '\n').replaceAll('\\"', '"');

/** Weighs a word by how few of the offered tools share it, and a word of the name above one of the description. */
function scoreTools(tools: readonly OfferedTool[]): Scored[] {
  const entries = tools.map(tool => ({
    tool,
    name: new Set(wordsOfName(tool.name)),
    description: new Set(meaningful(tool.description.replace(/\([^)]*\)/g, ' '))), // remarks are about the server
  }));
  const rarity = (word: string) => {
    const holders = entries.filter(entry => entry.name.has(word) || entry.description.has(word)).length;
    return Math.log(1 + tools.length / Math.max(1, holders));
  };
  return entries.map(({ tool, name, description }) => {
    const needsUrl = requiredUrl(tool);
    return {
      tool,
      named: clause => meaningful(clause).some(word => name.has(word)),
      score: (clause, urlAtHand) => {
        if (needsUrl && !urlAtHand) return 0;
        const asked = new Set(meaningful(clause.replace(/https?:\S+/g, ' ')));
        const inName = [...asked].filter(word => name.has(word));
        const inDescription = [...asked].filter(word => !name.has(word) && description.has(word));
        if (inName.length === 0 && inDescription.length < 2) return 0;
        const sum = (words: string[]) => words.reduce((total, word) => total + rarity(word), 0);
        return 3 * sum(inName) + sum(inDescription) + (needsUrl && urlsIn(clause).length > 0 ? 2 : 0);
      },
    };
  });
}

function requiredUrl(tool: OfferedTool): boolean {
  const { required, properties } = tool.parameters;
  const schemas = (properties ?? {}) as Record<string, { format?: unknown } | undefined>;
  return (
    Array.isArray(required) &&
    (required as string[]).some(name => /ur[il]/i.test(name) || schemas[name]?.format === 'uri')
  );
}

/** Cuts at "and", commas and semicolons, but only where the next part names a tool: other parts belong together. */
function splitClauses(stage: string, scored: readonly Scored[]): string[] {
  const parts = stage.split(/(\s+and\s+|[,;]\s+|[.!?]\s+)/i);
  const clauses: string[] = [];
  for (let index = 0; index < parts.length; index += 2) {
    const part = parts[index] ?? '';
    const separator = parts[index - 1] ?? '';
    const starts = index === 0 || explicitName(part) !== undefined || scored.some(({ named }) => named(part));
    if (starts) clauses.push(part);
    else clauses.push((clauses.pop() ?? '') + separator + part);
  }
  return clauses.map(clause => clause.trim()).filter(Boolean);
}

/** A tool that the clause calls by its name ("call x_y", "use the tool x_y"), whether it is offered or not. */
function explicitName(clause: string): string | undefined {
  return /\b(?:call|use|run|invoke|try|using|with|tool)\s+(?:the\s+)?(?:tool\s+)?[`"']?([A-Za-z][\w-]*_[\w-]*\w)[`"']?/i.exec(
    clause,
  )?.[1];
}

function pick(
  clause: string,
  tools: readonly OfferedTool[],
  scored: readonly Scored[],
  urlAtHand: boolean,
): { name: string; tool?: OfferedTool } | undefined {
  const mentioned = tools.find(tool => new RegExp(`(?<![\\w-])${tool.name}(?![\\w-])`).test(clause));
  if (mentioned) return { name: mentioned.name, tool: mentioned };
  const name = explicitName(clause);
  if (name !== undefined) {
    // Said without the prefix that the gateway, or a client, puts before it.
    const prefixed = tools.find(tool => tool.name.endsWith(`_${name}`));
    return prefixed ? { name: prefixed.name, tool: prefixed } : { name: name.slice(0, 64) };
  }
  let best: { tool: OfferedTool; score: number } | undefined;
  for (const { tool, score } of scored) {
    const value = score(clause, urlAtHand);
    if (value > (best?.score ?? 0)) best = { tool, score: value };
  }
  return best && { name: best.tool.name, tool: best.tool };
}

/** What to send to a tool that was not offered, so that its refusal can be seen. */
function guessedSchema(clause: string): Record<string, unknown> {
  const name = urlsIn(clause).length > 0 ? 'url' : 'query';
  return { type: 'object', properties: { [name]: { type: 'string' } }, required: [name] };
}

/** What a clause is about: what follows "for" or "about", else the clause without the words that choose the tool. */
function topicOf(clause: string, tool?: OfferedTool): string {
  const after = (/\b(?:for|about|regarding)\s+(.+)$/is.exec(clause) ?? /\bon\s+(?!the\s)(.+)$/is.exec(clause))?.[1];
  if (after !== undefined) return tidy(after);
  if (tool === undefined) return '';
  const called = new Set(wordsOfName(tool.name));
  const words = clause.split(/\s+/);
  const rest = words.filter(word => meaningful(word).some(part => !called.has(part) && !VERBS.has(part)));
  return rest.length === 0 ? '' : tidy(rest.length < words.length / 2 ? rest.join(' ') : clause);
}

const tidy = (text: string) =>
  text
    .replace(/\s+(?:in|on|from)\s+the\s+(?:docs|documentation|web|internet)\b.*$/is, '')
    .replace(/^["'“”`\s]+|["'“”`\s.?!,;:]+$/g, '');
