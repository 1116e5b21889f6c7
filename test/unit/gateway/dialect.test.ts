import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compile as ours } from '../../../src/gateway/cel.ts';
import { compileRules } from '../../../src/sandbox/gateway/cel.ts';
import { DIALECT_CLAIMS, ERRS, HOLDS } from '../../policy/dialect.ts';

const engines: Record<string, (expression: string) => boolean> = {
  'the preflight': expression => ours(expression).judge({ jwt: DIALECT_CLAIMS }) === 'holds',
  'the simulated gateway': expression => compileRules([{ require: expression }], '')({ jwt: DIALECT_CLAIMS }),
};

for (const [name, holds] of Object.entries(engines))
  describe(`CEL of AgentGateway in ${name}`, () => {
    for (const expression of HOLDS) it(expression, () => assert.ok(holds(expression)));
    for (const expression of ERRS)
      it(`errs: ${expression}`, () => {
        assert.ok(!holds(expression));
        assert.ok(!holds(`!(${expression})`));
      });
  });
