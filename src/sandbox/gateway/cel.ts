import { Environment, EvaluationError, type Context } from '@marcbachmann/cel-js';
import { registerDialect, useDialect } from './celDialect.ts';
import type { RuleSpec } from './schema.ts';

/** What an expression may look at; a name that is absent makes the expression fail, as in AgentGateway. */
export interface CelInput {
  /** Claims of the verified token; absent when the request has none. */
  jwt?: Readonly<Record<string, unknown>>;
  request?: Readonly<Record<string, unknown>>;
  response?: Readonly<Record<string, unknown>>;
  source?: Readonly<Record<string, unknown>>;
  mcp?: Readonly<Record<string, unknown>>;
  llm?: Readonly<Record<string, unknown>>;
}

/** A compiled expression. It throws when the expression fails on this input. */
export type Expression = (input: CelInput) => unknown;

/**
 * The language of the file's rules: CEL with its strings extension, plus `default` and `coalesce` of AgentGateway
 * (schema/cel-functions.md). On purpose not the library that the extension's own preflight uses.
 */
const environment = new Environment({ homogeneousAggregateLiterals: false });
for (const name of ['jwt', 'request', 'response', 'source', 'mcp', 'llm']) environment.registerVariable(name, 'dyn');

interface Checker {
  check(node: unknown, context: unknown): unknown;
  getType(name: string): unknown;
}
interface Runner {
  run(node: unknown, context: unknown): unknown;
}

/** A function whose arguments are evaluated only when it asks for them, so that it can survive their failure. */
function lazily(pick: (parts: (() => unknown)[]) => unknown) {
  return ({ args }: { args: unknown[] }) => ({
    args,
    async: false,
    typeCheck(checker: Checker, _call: unknown, context: unknown) {
      for (const argument of args) checker.check(argument, context);
      return checker.getType('dyn');
    },
    evaluate: (runner: Runner, _call: unknown, context: unknown) =>
      pick(args.map(argument => () => runner.run(argument, context))),
  });
}

const isMissing = (error: unknown) =>
  error instanceof EvaluationError && (error.code === 'no_such_key' || error.code === 'unknown_variable');

environment.registerFunction(
  'default(ast, ast): dyn',
  lazily(([value, fallback]) => {
    try {
      return value?.() ?? fallback?.(); // null is as good as absent
    } catch (error) {
      if (isMissing(error)) return fallback?.();
      throw error;
    }
  }),
);

for (const count of [2, 3, 4]) {
  environment.registerFunction(
    `coalesce(${Array<string>(count).fill('ast').join(', ')}): dyn`,
    lazily(parts => {
      let failure: unknown;
      let sawNull = false;
      for (const part of parts) {
        try {
          const value = part();
          if (value !== null) return value;
          sawNull = true;
        } catch (error) {
          failure = error;
        }
      }
      if (sawNull) return null;
      throw failure;
    }),
  );
}

registerDialect(environment);

/** JSON numbers without a fraction are CEL ints, which this library reads as bigint. */
function toCel(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, toCel(part)]));
  return value;
}

/**
 * Compiles an expression. Throws an Error that begins with `where` (the field's path in the file) when it does not
 * parse, or when it uses a variable or function that this gateway does not have.
 */
export function compile(expression: string, where: string): Expression {
  const run = parse(expression, where);
  useDialect(run.ast);
  const checked = run.check();
  if (!checked.valid) throw unusable(where, checked.error);
  return input => run(toCel(input) as Context) as unknown;
}

function parse(expression: string, where: string) {
  try {
    return environment.parse(expression);
  } catch (error) {
    throw unusable(where, error);
  }
}

const unusable = (where: string, error: unknown) =>
  new Error(`${where}: ${error instanceof Error ? error.message.split('\n')[0] : 'not a CEL expression'}`);

/** Whether the rules let something through. */
export type RuleSet = (input: CelInput) => boolean;

/**
 * Compiles a list of rules. A deny that holds wins; then every require must hold; then any allow; without an allow rule
 * what was not denied passes. An expression that fails counts as false, so a failing deny denies nothing
 * (crates/agentgateway/src/http/authorization.rs).
 */
export function compileRules(rules: readonly RuleSpec[], where: string): RuleSet {
  const lists = { allow: [] as Expression[], deny: [] as Expression[], require: [] as Expression[] };
  for (const [index, rule] of rules.entries()) {
    const at = `${where}.rules[${index}]`;
    if (typeof rule === 'string') lists.allow.push(compile(rule, at));
    else if ('deny' in rule) lists.deny.push(compile(rule.deny, `${at}.deny`));
    else if ('require' in rule) lists.require.push(compile(rule.require, `${at}.require`));
    else lists.allow.push(compile(rule.allow, `${at}.allow`));
  }
  return input => {
    const holds = (expression: Expression) => {
      try {
        return expression(input) === true;
      } catch {
        return false;
      }
    };
    if (lists.deny.some(holds)) return false;
    if (!lists.require.every(holds)) return false;
    return lists.allow.length === 0 || lists.allow.some(holds);
  };
}
