import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compile, compileRules } from '../../../src/sandbox/gateway/cel.ts';

const jwt = { appid: 'a', xms_act_fct: '3 9 11', n: 5, aud: ['x', 'y'] };
const tool = { mcp: { tool: { target: 't', name: 'x' } } };

describe('the rules of the gateway', () => {
  const allows = (rules: Parameters<typeof compileRules>[0], input: object = { jwt, ...tool }) =>
    compileRules(rules, 'here')(input);

  it('let a deny win, want every require and any allow', () => {
    assert.equal(allows([]), true);
    assert.equal(allows(['true', { deny: 'true' }]), false);
    assert.equal(allows(['false', { allow: 'true' }]), true);
    assert.equal(allows(['false']), false);
    assert.equal(allows([{ require: 'true' }, { require: 'false' }, 'true']), false);
    assert.equal(allows([{ require: 'true' }, 'false']), false);
    assert.equal(allows([{ require: 'true' }]), true);
    assert.equal(allows([{ deny: 'false' }]), true);
  });

  it('count an expression that fails as false, so that a failing deny denies nothing', () => {
    assert.equal(allows([{ deny: 'jwt.absent == 1' }]), true);
    assert.equal(allows([{ require: 'jwt.absent == 1' }]), false);
    assert.equal(allows(['jwt.absent == 1']), false);
    assert.equal(allows([{ require: "jwt.appid == 'a'" }], tool), false);
    assert.equal(allows([{ require: "jwt.appid == 'a' || jwt.absent == 1" }]), true);
    assert.equal(allows([{ require: "jwt.absent == 1 || jwt.appid == 'a'" }]), true);
  });

  it('speak the language that the file uses', () => {
    const value = (text: string) => compile(text, 'here')({ jwt, ...tool });
    assert.equal(value("jwt.appid in ['a', 'b'] && '11' in jwt.xms_act_fct.split(' ')"), true);
    assert.equal(value("'1' in jwt.xms_act_fct.split(' ')"), false);
    assert.equal(value("mcp.tool.target == 't' && mcp.tool.name == 'x'"), true);
    assert.equal(value('has(jwt.sub)'), false);
    assert.equal(value('jwt.n == 5 && jwt.n > 4'), true);
    assert.equal(value("'x' in jwt.aud"), true);
    assert.equal(value("default(jwt.sub, 'none')"), 'none');
    assert.equal(value("default(request.path, 'none')"), 'none');
    assert.throws(() => value("default(jwt.n.startsWith('x'), 'none')"));
    assert.equal(value("coalesce(jwt.sub, null, jwt.n.startsWith('x'), 'last')"), 'last');
    assert.equal(value('coalesce(jwt.sub, null)'), null);
    assert.throws(() => value('coalesce(jwt.sub, jwt.gone)'));
  });

  it('are refused at start when they do not parse or use what is not there, with their path', () => {
    assert.throws(() => compile('jwt.appid ==', 'routes[0]'), /^Error: routes\[0\]: Unexpected token/);
    assert.throws(() => compile('who.knows', 'routes[0]'), /Unknown variable: who/);
    assert.throws(
      () => compileRules(['true', { deny: 'uuid() == 1' }], 'routes[0].policies.authorization'),
      /^Error: routes\[0\]\.policies\.authorization\.rules\[1\]\.deny: /,
    );
  });
});
