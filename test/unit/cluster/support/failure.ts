import assert from 'node:assert/strict';
import { AgentIdError } from '../../../../src/base/errors.ts';

/** Matches an AgentIdError by code, and by those of its arguments that are given. */
export function failure(code: string, args: Record<string, string | number | RegExp> = {}) {
  return (error: unknown): true => {
    assert.ok(AgentIdError.is(error), `not one of our errors: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    for (const [name, expected] of Object.entries(args)) {
      if (expected instanceof RegExp) assert.match(String(error.args[name]), expected);
      else assert.equal(error.args[name], expected);
    }
    return true;
  };
}
