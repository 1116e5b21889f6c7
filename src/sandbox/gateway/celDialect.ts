import type { ASTNode, Environment } from '@marcbachmann/cel-js';

/*
 * Where AgentGateway's CEL (v1.4.1 crates/cel-fork, crates/celx) differs from what this library makes of an expression.
 * Its own functions can't be replaced, so calls of them are renamed to ours before the expression is checked.
 */

const PREFIX = 'agw_';
const fail = (message: string): never => {
  throw new Error(message);
};
const asText = (value: unknown): string => (typeof value === 'string' ? value : fail('not a text'));
const asPosition = (value: unknown): number =>
  typeof value === 'bigint' && value >= 0n ? Number(value) : fail('not a position');
const count = (text: string): number => [...text].length;

/** A text from one character (not byte, not UTF-16 unit) to another; beyond the end there is nothing. */
const slice = (text: string, start: number, end?: number): string => [...text].slice(start, end).join('');

function find(text: unknown, needle: unknown, start: unknown = 0n): bigint {
  const from = asPosition(start);
  if (from >= count(asText(text))) return -1n;
  const rest = slice(asText(text), from);
  const at = rest.indexOf(asText(needle));
  return at < 0 ? -1n : BigInt(from + count(rest.slice(0, at)));
}

function findLast(text: unknown, needle: unknown, start?: unknown): bigint {
  if (start !== undefined && asPosition(start) >= count(asText(text))) return -1n;
  const end = start === undefined ? undefined : asPosition(start) + count(asText(needle));
  const part = slice(asText(text), 0, end);
  const at = part.lastIndexOf(asText(needle));
  return at < 0 ? -1n : BigInt(count(part.slice(0, at)));
}

function substring(text: unknown, start: unknown, end?: unknown): string {
  const last = end === undefined ? count(asText(text)) : asPosition(end);
  return asPosition(start) > last ? fail('ends before it starts') : slice(asText(text), asPosition(start), last);
}

function replace(text: unknown, from: unknown, to: unknown, limit: unknown = -1n): string {
  const parts = asText(text).split(asText(from));
  const most = Number(limit) < 0 ? parts.length - 1 : Math.min(Number(limit), parts.length - 1);
  return (
    parts.slice(0, most + 1).join(asText(to)) +
    parts
      .slice(most + 1)
      .map(part => asText(from) + part)
      .join('')
  );
}

function size(value: unknown): bigint {
  if (typeof value === 'string') return BigInt(Buffer.byteLength(value));
  if (Array.isArray(value)) return BigInt(value.length);
  return typeof value === 'object' && value !== null ? BigInt(Object.keys(value).length) : fail('has no size');
}

function contains(whole: unknown, part: unknown): boolean {
  if (Array.isArray(whole)) return whole.includes(part);
  if (typeof whole === 'string') return typeof part === 'string' && whole.includes(part);
  return typeof whole === 'object' && whole !== null ? Object.hasOwn(whole, String(part)) : fail('contains nothing');
}

/** Rust's syntax (crate regex): flags may stand in front; it has neither look-around nor back-references. */
function matches(text: unknown, pattern: unknown): boolean {
  const source = asText(pattern);
  if (/\(\?<?[=!]|\\[1-9]/.test(source)) return fail('not a regular expression of Rust');
  const flags = /^\(\?([ims]+)\)/.exec(source);
  const body = source.slice(flags?.[0].length ?? 0).replaceAll('(?P<', '(?<');
  return new RegExp(body, `u${flags?.[1] ?? ''}`).test(asText(text));
}

const at = (text: unknown, index: unknown): string =>
  [...asText(text)][asPosition(index)] ?? fail('beyond the end of the text');
const strip = (text: unknown, part: unknown, end: boolean): string => {
  const [whole, cut] = [asText(text), asText(part)];
  if (!(end ? whole.endsWith(cut) : whole.startsWith(cut))) return whole;
  return end ? whole.slice(0, whole.length - cut.length) : whole.slice(cut.length);
};

type Method = (...values: unknown[]) => unknown;
const METHODS: Record<string, { arities: readonly number[]; returns: string; run: Method }> = {
  size: { arities: [0], returns: 'int', run: size },
  contains: { arities: [1], returns: 'bool', run: contains },
  matches: { arities: [1], returns: 'bool', run: matches },
  charAt: { arities: [1], returns: 'string', run: at },
  indexOf: { arities: [1, 2], returns: 'int', run: find },
  lastIndexOf: { arities: [1, 2], returns: 'int', run: findLast },
  substring: { arities: [1, 2], returns: 'string', run: substring },
  replace: { arities: [2, 3], returns: 'string', run: replace },
  stripPrefix: { arities: [1], returns: 'string', run: (text, part) => strip(text, part, false) },
  stripSuffix: { arities: [1], returns: 'string', run: (text, part) => strip(text, part, true) },
};

export function registerDialect(environment: Environment): void {
  for (const [name, { arities, returns, run }] of Object.entries(METHODS))
    for (const arity of arities) {
      const args = Array<string>(arity).fill('dyn').join(', ');
      environment.registerFunction(`dyn.${PREFIX}${name}(${args}): ${returns}`, (...values: unknown[]) =>
        run(...values.slice(0, arity + 1)),
      );
    }
  environment.registerFunction(`${PREFIX}size(dyn): int`, (value: unknown) => size(value));
  environment.registerOperator('string in string', (part: string, whole: string) => whole.includes(part));
}

/** Makes a parsed expression mean what AgentGateway means by it; to be called before it is checked. */
export function useDialect(node: ASTNode): void {
  const { op, args } = node as { op: string; args: unknown };
  if ((op === 'rcall' || op === 'call') && Array.isArray(args)) {
    const name = String(args[0]);
    if (op === 'rcall' ? Object.hasOwn(METHODS, name) : name === 'size') args[0] = PREFIX + name;
    // The library expands a macro when it parses; the first element that errs ends the walk over a list.
    const { alternate } =
      (node as { meta?: { alternate?: { args: { kind?: string; errorsAreFatal?: boolean } } } }).meta ?? {};
    if (alternate?.args.kind === 'quantifier') alternate.args.errorsAreFatal = true;
  }
  for (const child of Array.isArray(args) ? (args as unknown[]).flat(2) : [args]) if (isNode(child)) useDialect(child);
}

const isNode = (value: unknown): value is ASTNode => typeof value === 'object' && value !== null && 'op' in value;
