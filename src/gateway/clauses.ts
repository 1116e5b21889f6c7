/** Characters of an expression that we take apart or evaluate; what is longer is the gateway's to judge. */
export const MAX_EXPRESSION = 10_000;

/** A CEL expression cut at its outermost `&&` and `||`; `text` is the source as the file has it. */
export type Clause = { kind: 'leaf'; text: string } | { kind: 'all' | 'any'; text: string; parts: Clause[] };

/** How deep parentheses are followed; people write three. */
const MAX_DEPTH = 20;

/**
 * Cuts an expression into clauses, so that the one that fails can be named. `||` binds looser than `&&`; a conditional
 * (`a ? b : c`) binds looser than both and stays whole (CEL language definition, "Syntax"), and so does what nests deeper
 * than anybody writes.
 */
export function splitClauses(source: string, depth = 0): Clause {
  const text = source.trim();
  if (depth > MAX_DEPTH || text.length > MAX_EXPRESSION) return { kind: 'leaf', text };
  const marks = topLevelMarks(text);
  if (marks.some(mark => mark.token === '?')) return { kind: 'leaf', text };
  for (const [token, kind] of [
    ['||', 'any'],
    ['&&', 'all'],
  ] as const) {
    const cuts = marks.filter(mark => mark.token === token).map(mark => mark.at);
    if (cuts.length === 0) continue;
    const starts = [0, ...cuts.map(cut => cut + 2)];
    const parts = starts.map((start, index) => splitClauses(text.slice(start, cuts[index]), depth + 1));
    return { kind, text, parts };
  }
  return marks.some(mark => mark.token === 'wrapped')
    ? splitClauses(text.slice(1, -1), depth + 1)
    : { kind: 'leaf', text };
}

/** Every leaf of a clause, in the order of the source. */
export function leaves(clause: Clause): string[] {
  return clause.kind === 'leaf' ? [clause.text] : clause.parts.flatMap(leaves);
}

interface Mark {
  /** `wrapped`: one pair of parentheses encloses the whole text. */
  token: '&&' | '||' | '?' | 'wrapped';
  at: number;
}

const STRING = /(?:[rR][bB]?|[bB][rR]?)?('''|"""|'|")/y;

function topLevelMarks(text: string): Mark[] {
  const marks: Mark[] = [];
  let depth = 0;
  for (let at = 0; at < text.length;) {
    const string = endOfString(text, at);
    if (string !== undefined) {
      at = string;
      continue;
    }
    const char = text[at]!;
    const pair = text.slice(at, at + 2);
    if (pair === '//') {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end;
      continue;
    }
    if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char) && --depth === 0 && char === ')' && text[0] === '(' && at === text.length - 1) {
      // The depth came back to zero only here when nothing between closed the first parenthesis.
      if (!closesEarlier(text)) marks.push({ token: 'wrapped', at: 0 });
    } else if (depth === 0 && (pair === '&&' || pair === '||')) {
      marks.push({ token: pair, at });
      at++;
    } else if (depth === 0 && char === '?' && text[at - 1] !== '.') marks.push({ token: '?', at });
    at++;
  }
  return marks;
}

/** True when the parenthesis that opens the text closes before its end, as in `(a) == (b)`. */
function closesEarlier(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length - 1;) {
    const string = endOfString(text, at);
    if (string !== undefined) {
      at = string;
      continue;
    }
    if ('([{'.includes(text[at]!)) depth++;
    else if (')]}'.includes(text[at]!) && --depth === 0) return true;
    at++;
  }
  return false;
}

/** Where the string literal that begins at `start` ends, or undefined when none begins there. */
function endOfString(text: string, start: number): number | undefined {
  if (/\w/.test(text[start - 1] ?? '')) return undefined; // inside an identifier: not the prefix of a literal
  STRING.lastIndex = start;
  const opening = STRING.exec(text);
  if (!opening) return undefined;
  const quote = opening[1]!;
  const raw = /[rR]/.test(opening[0]);
  for (let at = start + opening[0].length; at < text.length; at++) {
    if (text[at] === '\\' && !raw) at++;
    else if (text.startsWith(quote, at)) return at + quote.length;
  }
  return text.length;
}
