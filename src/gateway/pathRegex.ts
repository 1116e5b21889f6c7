/**
 * Expressions that the gateway's engine (the `regex` crate of Rust) and JavaScript's read alike: plain characters, `.`,
 * classes of plain characters and ranges, groups and alternatives, and quantifiers behind a single character or class. What
 * nests quantifiers, which could take forever here, is none of them.
 */
const ALIKE =
  /^\^?(?:[\w/~%@:,=-]|\\[./\-dw]|\.|\((?:\?:)?|\)|\||\[\^?(?:[\w/.-])+\]|(?<=[\w/\].])[*+?]|(?<=\))\?)*\$?$/;
/** Each makes the search on a path longer by its length. */
const MAX_QUANTIFIERS = 3;

/**
 * Whether the expression takes the whole path as the gateway looks at it: its first match from the left must be all of
 * the path (v1.4.1 crates/agentgateway/src/http/route.rs, `matches_request`). Undefined where we can't say: it is read in
 * another way there, or not at all.
 */
export function matchesWhole(expression: string, path: string): boolean | undefined {
  const quantifiers = expression.match(/[*+?](?!:)/g)?.length ?? 0;
  if (!ALIKE.test(expression) || quantifiers > MAX_QUANTIFIERS || /[^\x20-\x7e]/.test(path)) return undefined;
  try {
    return new RegExp(expression).exec(path)?.[0] === path;
  } catch {
    return undefined;
  }
}
