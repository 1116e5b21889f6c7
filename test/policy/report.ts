import type { Comparison } from './compare.ts';

/** One difference, with all that it takes to look into it. */
export function describeCase({ case: item, what, expected, actual }: Comparison['differences'][number]): string {
  return [
    `${what}: the preflight says ${expected}, the gateway ${actual}`,
    `  path   ${item.route.path}`,
    `  route  ${JSON.stringify(item.route.route).replace(/"jwks":"(?:[^"\\]|\\.)*"/g, '"jwks":"…"')}`,
    `  token  ${item.token.name}`,
  ].join('\n');
}
