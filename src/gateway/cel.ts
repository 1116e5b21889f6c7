import { celEnv, celError, isCelError, parse, plan, type CelInput, type CelResult } from '@bufbuild/cel';
import { functions } from './celFunctions.ts';
import { adapt, mapChildren, type Expr } from './celRewrite.ts';
import { MAX_EXPRESSION } from './clauses.ts';

type Bindings = Record<string, CelInput | ReturnType<typeof celError>>;

/** `holds` and `fails` are certain; an expression that errs fails, as in AgentGateway. */
export type Verdict = 'holds' | 'fails' | 'unknown';

export type Path = readonly [root: string, ...keys: string[]];

/**
 * What an expression may read, by name. A variable with the value undefined is one that the gateway does not set at
 * that moment (reading it is an error there); one that is not listed is one that we do not know.
 */
export type Variables = Readonly<Record<string, unknown>>;

export interface Compiled {
  /** Paths of the variables that the expression reads, such as `['jwt', 'appid']` or `['mcp', 'tool', 'name']`. */
  readonly references: readonly Path[];
  /** Values that the expression compares `mcp.tool.name` with. */
  readonly toolNames: readonly string[];
  judge(variables: Variables): Verdict;
}

const env = celEnv({ funcs: functions });

/** Text that the gateway replaces from its own environment when it loads its file (`shellexpand::full`). */
const PLACEHOLDER = /\$\{?[A-Za-z_]/;
/** The functions that we hand on to the library, or bring ourselves, with AgentGateway's meaning. */
const KNOWN = new Set(
  (
    '_&&_ _||_ !_ _==_ _!=_ _<_ _<=_ _>_ _>=_ _+_ _-_ -_ _*_ _/_ _%_ @in _[_] _?_:_ @not_strictly_false ' +
    'size contains startsWith endsWith matches string int double bool type default coalesce charAt indexOf ' +
    'lastIndexOf join lowerAscii upperAscii trim replace split substring stripPrefix stripSuffix'
  ).split(' '),
);
const TYPES = new Set(['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'null_type', 'type']);

/** Expressions that were prepared: the rules of a file are asked about again and again. */
const prepared = new Map<string, Compiled>();
const MAX_PREPARED = 2_000;

/**
 * Prepares one CEL expression. What only the gateway knows (`request`, `source`, its environment, functions that we do
 * not have, syntax that our parser does not take) makes the verdict `unknown` instead of a guess.
 */
export function compile(source: string): Compiled {
  let compiled = prepared.get(source);
  if (!compiled) {
    if (prepared.size >= MAX_PREPARED) prepared.clear();
    prepared.set(source, (compiled = prepare(source)));
  }
  return compiled;
}

function prepare(source: string): Compiled {
  const facts: Facts = { paths: new Map(), toolNames: new Set(), foreign: false };
  let root: Expr | undefined;
  try {
    if (source.length <= MAX_EXPRESSION && !PLACEHOLDER.test(source)) root = parse(source).expr;
    inspect(root, new Set(), facts);
    root &&= adapt(root);
  } catch {
    root = undefined; // the gateway took it, or it would not run: an extension of its parser, or nested very deep
  }
  if (!root) return { references: [], toolNames: [], judge: () => 'unknown' };
  const references = [...facts.paths.values()];
  const expression = root;
  return {
    references,
    toolNames: [...facts.toolNames],
    judge(variables) {
      const known = ([base, key]: Path) => Object.hasOwn(variables, base) && isKnown(variables, base, key);
      if (facts.foreign || !references.every(known)) return 'unknown';
      const bindings: Bindings = {};
      for (const [name, value] of Object.entries(variables)) if (value !== undefined) bindings[name] = toCel(value);
      try {
        return evaluate(expression, bindings) === true ? 'holds' : 'fails';
      } catch {
        return 'unknown'; // what an expression does wrong is a value here; this one is too deep for our stack
      }
    },
  };
}

/** Of a request we know what we send; the raw token is not for rules that we evaluate. */
function isKnown(variables: Variables, base: string, key: string | undefined): boolean {
  if (base === 'jwt') return key !== 'rawToken';
  const request = base === 'request' && variables.request;
  return !request || (key !== undefined && typeof request === 'object' && Object.hasOwn(request, key));
}

/** JSON as CEL values: whole numbers are ints, as AgentGateway has them. */
function toCel(value: unknown): CelInput {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value === 'object' && value !== null)
    return new Map(Object.entries(value).map(([key, item]) => [key, toCel(item)]));
  return value as string | boolean | null;
}

function evaluate(expression: Expr, bindings: Bindings): CelResult {
  const own = { ...bindings };
  const rewritten = resolveFallbacks(expression, own);
  // Bindings may hold errors (ObjectActivation takes them), which the library's type does not say.
  return plan(env, rewritten)(own as Record<string, CelInput>);
}

/**
 * Replaces each `default(…)` and `coalesce(…)` by its value: they must see the errors of their arguments, and the
 * library calls functions with values only. `default` forgives what is missing, `coalesce` every error; both skip null
 * (agentgateway v1.4.1 crates/celx/src/general.rs).
 */
function resolveFallbacks(node: Expr, bindings: Bindings): Expr {
  const { exprKind } = node;
  if (exprKind.case !== 'callExpr' || !isFallback(exprKind.value))
    return mapChildren(node, child => resolveFallbacks(child, bindings));
  const call = exprKind.value;
  let result: CelResult = celError('no value');
  for (const arg of call.args) {
    const value = evaluate(arg, bindings);
    const lenient = call.function === 'coalesce';
    if (!(lenient && result === null && isCelError(value))) result = value;
    if (isCelError(value) ? !lenient && !isMissing(value) : value !== null) break;
  }
  const name = `@value${Object.keys(bindings).length}`;
  bindings[name] = result;
  return { ...node, exprKind: { case: 'identExpr', value: { $typeName: 'cel.expr.Expr.Ident', name } } };
}

const isFallback = (call: { function: string; target?: unknown }) =>
  !call.target && (call.function === 'default' || call.function === 'coalesce');

/** How the library says that a key or a variable is not there. */
const isMissing = (error: Error) => /^(field not found|unresolved attribute|key not found)/.test(error.message);

interface Facts {
  paths: Map<string, Path>;
  toolNames: Set<string>;
  /** Something that we cannot evaluate as the gateway would. */
  foreign: boolean;
}

function inspect(node: Expr | undefined, local: ReadonlySet<string>, facts: Facts): void {
  if (!node) return;
  const path = pathOf(node);
  if (path) {
    if (!local.has(path[0]) && !TYPES.has(path[0])) facts.paths.set(JSON.stringify(path), path);
    return;
  }
  const { exprKind } = node;
  const each = (...children: (Expr | undefined)[]) => children.forEach(child => inspect(child, local, facts));
  switch (exprKind.case) {
    case 'selectExpr':
      return each(exprKind.value.operand);
    case 'listExpr':
      return each(...exprKind.value.elements);
    case 'structExpr':
      return each(...exprKind.value.entries.map(entry => entry.value));
    case 'callExpr': {
      const { function: name, target, args } = exprKind.value;
      // Inside a macro its variable would be unknown to resolveFallbacks.
      if (!KNOWN.has(name) || (local.size > 0 && isFallback(exprKind.value))) facts.foreign = true;
      if (['_==_', '_!=_', '@in'].includes(name) && args.some(arg => pathOf(arg)?.join('.') === 'mcp.tool.name'))
        for (const arg of args) literals(arg).forEach(text => facts.toolNames.add(text));
      return each(target, ...args);
    }
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result, iterVar, accuVar } = exprKind.value;
      each(iterRange, accuInit);
      const inner = new Set([...local, iterVar, accuVar]);
      for (const child of [loopCondition, loopStep, result]) inspect(child, inner, facts);
      return;
    }
    default:
  }
}

/** `jwt.a["b"]` as `['jwt', 'a', 'b']`, or undefined for anything that is no plain path. */
function pathOf(node: Expr): Path | undefined {
  const { exprKind } = node;
  if (exprKind.case === 'identExpr') return [exprKind.value.name];
  if (exprKind.case === 'selectExpr') {
    const base = exprKind.value.operand && pathOf(exprKind.value.operand);
    return base && [...base, exprKind.value.field];
  }
  if (exprKind.case === 'callExpr' && exprKind.value.function === '_[_]') {
    const [operand, key] = exprKind.value.args;
    const base = operand && pathOf(operand);
    const field = key && literals(key);
    return base && field?.length === 1 ? [...base, field[0]!] : undefined;
  }
  return undefined;
}

/** The string constants of a literal or of a list of literals. */
function literals(node: Expr): string[] {
  const { exprKind } = node;
  if (exprKind.case === 'listExpr') return exprKind.value.elements.flatMap(literals);
  if (exprKind.case !== 'constExpr') return [];
  const { constantKind } = exprKind.value;
  return constantKind.case === 'stringValue' ? [constantKind.value] : [];
}
