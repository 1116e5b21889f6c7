import type { parse } from '@bufbuild/cel';

export type Expr = NonNullable<ReturnType<typeof parse>['expr']>;
type Kind = Expr['exprKind'];

/** A copy of a node with each of its children replaced. */
export function mapChildren(node: Expr, replace: (child: Expr) => Expr): Expr {
  const { exprKind } = node;
  const maybe = (child: Expr | undefined) => child && replace(child);
  const withKind = (kind: Kind): Expr => ({ ...node, exprKind: kind });
  switch (exprKind.case) {
    case 'selectExpr':
      return withKind({
        ...exprKind,
        value: { ...exprKind.value, ...optional('operand', maybe(exprKind.value.operand)) },
      });
    case 'listExpr':
      return withKind({ ...exprKind, value: { ...exprKind.value, elements: exprKind.value.elements.map(replace) } });
    case 'structExpr': {
      const entries = exprKind.value.entries.map(entry => ({ ...entry, ...optional('value', maybe(entry.value)) }));
      return withKind({ ...exprKind, value: { ...exprKind.value, entries } });
    }
    case 'callExpr': {
      const { args, target } = exprKind.value;
      const value = { ...exprKind.value, args: args.map(replace), ...optional('target', maybe(target)) };
      return withKind({ ...exprKind, value });
    }
    case 'comprehensionExpr': {
      const loop = exprKind.value;
      const parts = (['iterRange', 'accuInit', 'loopCondition', 'loopStep', 'result'] as const).map(name =>
        optional(name, maybe(loop[name])),
      );
      return withKind({ ...exprKind, value: Object.assign({}, loop, ...parts) as typeof loop });
    }
    default:
      return node;
  }
}

const optional = <Name extends string>(name: Name, value: Expr | undefined): Partial<Record<Name, Expr>> =>
  (value ? { [name]: value } : {}) as Partial<Record<Name, Expr>>;

/**
 * The expression as AgentGateway means it, where that is not what the library's parser makes of it: `has` asks any value
 * (`functions` has the answer), and `all` and `exists` end at the first element that errs (v1.4.1
 * crates/cel-fork/cel/src/objects.rs `Expr::Select`, `resolve_comprehension`).
 */
export function adapt(node: Expr): Expr {
  const adapted = mapChildren(node, adapt);
  const { exprKind } = adapted;
  if (exprKind.case === 'selectExpr' && exprKind.value.testOnly && exprKind.value.operand)
    return call(adapted, '@has', [
      exprKind.value.operand,
      constant(adapted, { case: 'stringValue', value: exprKind.value.field }),
    ]);
  if (exprKind.case !== 'comprehensionExpr') return adapted;
  const { loopStep } = exprKind.value;
  if (loopStep?.exprKind.case !== 'callExpr') return adapted;
  const { function: name, args } = loopStep.exprKind.value;
  const [accu, rest] = args;
  if (!accu || !rest || (name !== '_&&_' && name !== '_||_')) return adapted;
  // `accu && x` and `accu || x` look past an error in accu; a conditional does not.
  const settled = constant(loopStep, { case: 'boolValue', value: name === '_||_' });
  const step = call(loopStep, '_?_:_', name === '_||_' ? [accu, settled, rest] : [accu, rest, settled]);
  return { ...adapted, exprKind: { ...exprKind, value: { ...exprKind.value, loopStep: step } } };
}

type Constant = Extract<Kind, { case: 'constExpr' }>['value'];

const constant = (at: Expr, constantKind: Constant['constantKind']): Expr => ({
  ...at,
  exprKind: { case: 'constExpr', value: { $typeName: 'cel.expr.Constant', constantKind } },
});

const call = (at: Expr, name: string, args: Expr[]): Expr => ({
  ...at,
  exprKind: { case: 'callExpr', value: { $typeName: 'cel.expr.Expr.Call', function: name, args } },
});
