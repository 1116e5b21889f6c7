import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { celEnv, parse, plan } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { compile } from '../../../src/gateway/cel.ts';
import { splitClauses, type Clause } from '../../../src/gateway/clauses.ts';
import type { Rule } from '../../../src/gateway/policies.ts';
import { explainDenial, hiddenTools } from '../../../src/gateway/policy.ts';

const AGENT = 'a4c7b0de-0000-4000-8000-000000000001';
const OTHER = 'b5d8c1ef-0000-4000-8000-000000000002';
const REFERENCE = `jwt.appid == '${AGENT}' && '11' in jwt.xms_act_fct.split(' ')`;
const route = (...rules: (string | Partial<Record<Rule['mode'], string>>)[]) => ({
  targets: ['microsoft', 'exa-ai'],
  rules: rules.map((rule): Rule => {
    if (typeof rule === 'string') return { mode: 'allow', expression: rule };
    const [mode, expression] = Object.entries(rule)[0] as [Rule['mode'], string];
    return { mode, expression };
  }),
});
const search = { name: 'web_search_exa', target: 'exa-ai' };
const v1 = { ver: '1.0', appid: AGENT, xms_act_fct: '9 3 11', sub: 's' };
const v2 = { ver: '2.0', azp: AGENT, sub: 's' };

describe('the reference rule', () => {
  it('lets the agent of a v1 token with facets pass', () => {
    assert.equal(explainDenial(route({ require: REFERENCE }), v1, search), undefined);
    assert.equal(explainDenial(route(REFERENCE), { ...v1, xms_act_fct: '11 9 3' }, search), undefined);
    assert.equal(explainDenial(route(REFERENCE), v1), undefined);
  });

  it('names the clause and the claim for another agent', () => {
    const reason = explainDenial(route({ require: REFERENCE }), { ...v1, appid: OTHER }, search);
    assert.deepEqual(reason, {
      outcome: 'denied',
      mode: 'require',
      rule: REFERENCE,
      clause: `jwt.appid == '${AGENT}'`,
      claims: [{ name: 'appid', value: OTHER }],
      cause: 'claimDiffers',
      remedy: {
        code: 'allowAgent',
        agent: OTHER,
        clause: `jwt.appid == '${AGENT}'`,
        suggestion: `jwt.appid in ['${AGENT}', '${OTHER}']`,
      },
      everyTool: true,
      summary: `Access needs jwt.appid == '${AGENT}', and the token has appid = ${OTHER}.`,
    });
    assert.equal(explainDenial(route(REFERENCE), { ...v1, appid: OTHER })?.clause, `jwt.appid == '${AGENT}'`);
  });

  it('says that a v2 token has azp, and no facets', () => {
    const token = explainDenial(route({ require: REFERENCE }), v2, search);
    assert.equal(token?.cause, 'claimMissing');
    assert.deepEqual(token?.remedy, {
      ...{ code: 'otherVersion', reads: 'appid', has: 'azp', version: '1.0' },
      ...{ clause: `jwt.appid == '${AGENT}'`, suggestion: `jwt.azp == '${AGENT}'` },
    });
    assert.deepEqual(token?.claims, [{ name: 'appid' }]);
    const facets = explainDenial(route({ require: REFERENCE }), { appid: AGENT }, search);
    assert.equal(facets?.remedy.code, 'emitClaims');
    assert.equal(facets?.clause, `'11' in jwt.xms_act_fct.split(' ')`);
    const older = explainDenial(route("jwt.azp == 'x'"), v1, search)?.remedy;
    assert.ok(older?.code === 'otherVersion' && older.version === '2.0' && older.suggestion === "jwt.appid == 'x'");
  });

  it('does not take 110 for 11, nor an app for an agent', () => {
    const reason = explainDenial(route({ require: REFERENCE }), { ...v1, xms_act_fct: '3 9 110' }, search);
    assert.equal(reason?.cause, 'claimDiffers');
    assert.deepEqual(reason?.claims, [{ name: 'xms_act_fct', value: '3 9 110' }]);
  });
});

describe('rules together', () => {
  it('without any, everything is allowed', () => assert.equal(explainDenial(route(), {}, search), undefined));

  it('a deny wins over an allow, but one that errs does not deny', () => {
    const deny = explainDenial(route('true', { deny: "mcp.tool.name == 'web_search_exa'" }), v1, search);
    assert.equal(deny?.cause, 'deny');
    assert.equal(deny?.everyTool, false);
    assert.equal(explainDenial(route('true', { deny: "jwt.nothing == 'x'" }), v1, search), undefined);
  });

  it('only denies or requires default to allow; every require must hold', () => {
    assert.equal(explainDenial(route({ deny: 'false' }), v1, search), undefined);
    assert.equal(explainDenial(route({ require: 'true' }), v1, search), undefined);
    assert.equal(explainDenial(route({ require: 'true' }, { require: "jwt.sub == 'z'" }), v1, search)?.mode, 'require');
    assert.equal(explainDenial(route({ require: 'true' }, 'false'), v1, search)?.mode, 'allow');
  });

  it('explains the nearest of several allows', () => {
    const rules = route(
      "mcp.tool.target == 'microsoft' && jwt.appid == 'x'",
      `jwt.appid == '${AGENT}' && mcp.tool.name == 'docs'`,
    );
    const reason = explainDenial(rules, v1, search);
    assert.equal(reason?.clause, "mcp.tool.name == 'docs'");
    assert.equal(reason?.cause, 'tool');
    assert.equal(reason?.everyTool, false);
    assert.equal(explainDenial(rules, v1), undefined, 'a tool named docs would pass');
    assert.equal(explainDenial(rules, { sub: 's' })?.everyTool, true);
  });

  it('an || that fails is named whole, with every claim in it', () => {
    const reason = explainDenial(
      route({ require: "has(jwt.sub) && (jwt.appid == 'x' || jwt.azp == 'x')" }),
      v1,
      search,
    );
    assert.equal(reason?.clause, "jwt.appid == 'x' || jwt.azp == 'x'");
    assert.deepEqual(reason?.claims, [{ name: 'appid', value: AGENT }, { name: 'azp' }]);
  });
});

describe('what only the gateway knows', () => {
  for (const expression of [
    "request.headers['x-team'] == 'a'",
    "jwt.appid == '${AGENT_APP_ID}'",
    "source.address == '10.0.0.1'",
    "cidr('10.0.0.0/8').containsIP('10.1.1.1')",
    'jwt.rawToken.unredacted() == "x"',
    'jwt.?sub.hasValue()',
    "default(request.headers.x, 'a') == 'b'",
  ])
    it(`is not guessed: ${expression}`, () => {
      assert.equal(explainDenial(route({ require: expression }), v1, search)?.outcome, 'unknown');
      assert.equal(explainDenial(route({ require: expression }), v1), undefined);
    });

  it('does not hide a certain denial', () => {
    const reason = explainDenial(route({ require: `request.path == '/mcp' && jwt.appid == '${OTHER}'` }), v1, search);
    assert.equal(reason?.outcome, 'denied');
    assert.equal(reason?.clause, `jwt.appid == '${OTHER}'`);
  });

  it('knows that arguments are never set when rules are checked', () => {
    const reason = explainDenial(route({ require: "mcp.tool.arguments.path == '/tmp'" }), v1, search);
    assert.equal(reason?.outcome, 'denied');
    assert.ok(reason?.remedy.code === 'neverSet' && reason.remedy.variable === 'mcp.tool.arguments.path');
  });
});

describe('CEL as AgentGateway has it', () => {
  const jwt = {
    text: 'a b c',
    list: ['x', 'y'],
    number: 5,
    ratio: 0.5,
    nothing: null,
    nested: { key: 'value' },
    'https://x/roles': ['admin'],
  };
  const holds = (expression: string) => compile(expression).judge({ jwt }) === 'holds';
  for (const expression of [
    "'b' in jwt.text", // a substring here, an error in standard CEL
    "jwt.list.contains('x')",
    "jwt.nested.contains('key')",
    "jwt.text.split(' ', 2) == ['a', 'b c']",
    "jwt.text.split(' ', -1).size() == 3",
    "jwt.text.split(' ', 0) == []",
    "jwt.text.stripPrefix('a ') == 'b c'",
    "jwt.text.stripSuffix(' c') == 'a b'",
    "default(jwt.absent, 'd') == 'd'",
    "default(jwt.nothing, 'd') == 'd'",
    "default(jwt.text, 'd') == 'a b c'",
    "coalesce(jwt.nothing, jwt.absent.x, 'c') == 'c'",
    'coalesce(jwt.number / 0, 7) == 7',
    'coalesce(jwt.nothing, jwt.absent) == null',
    "default(default(jwt.absent, jwt.gone), 'deep') == 'deep'",
    'has(jwt.nested.key) && !has(jwt.nested.other)',
    'jwt.number == 5 && jwt.number + 1 == 6 && jwt.ratio < 1.0',
    "jwt['https://x/roles'].exists(r, r == 'admin')",
    "jwt.list.all(item, item.matches('^[xy]$'))",
    "jwt.absent == 'x' || true",
    "jwt.text.lowerAscii().startsWith('a') ? true : false",
  ])
    it(expression, () => assert.ok(holds(expression)));
  for (const expression of [
    "jwt.absent == 'x'",
    'jwt.text', // not a boolean
    'default(jwt.number / 0, 7) == 7', // only what is missing has a default
    "jwt.absent == 'x' && true",
    "!(jwt.absent == 'x')",
    "'b' in jwt.number",
  ])
    it(`not: ${expression}`, () => assert.ok(!holds(expression)));

  it('gives the paths and the tool names', () => {
    const { references, toolNames } = compile(
      "mcp.tool.name in ['a', 'b'] && jwt['x.y'].z == '1' && jwt.list.exists(v, v == jwt.sub) && mcp.tool.name != 'c'",
    );
    assert.deepEqual(references, [
      ['mcp', 'tool', 'name'],
      ['jwt', 'x.y', 'z'],
      ['jwt', 'list'],
      ['jwt', 'sub'],
    ]);
    assert.deepEqual(toolNames, ['a', 'b', 'c']);
  });
});

describe('cutting at && and ||', () => {
  const shape = (clause: Clause): unknown =>
    clause.kind === 'leaf' ? clause.text : { [clause.kind]: clause.parts.map(shape) };
  const table: [string, unknown][] = [
    ['a && b || c', { any: [{ all: ['a', 'b'] }, 'c'] }],
    ['(a || b) && c', { all: [{ any: ['a', 'b'] }, 'c'] }],
    ['((a))', 'a'],
    ['(a) == (b)', '(a) == (b)'],
    ['(a) && (b)', { all: ['a', 'b'] }],
    ['a ? b && c : d || e', 'a ? b && c : d || e'],
    ['f(a && b)', 'f(a && b)'],
    [`x == ' && ' && y == "||"`, { all: [`x == ' && '`, 'y == "||"'] }],
    [`x == 'it\\'s && ' && y`, { all: [`x == 'it\\'s && '`, 'y'] }],
    [`x == r'\\' && y`, { all: [`x == r'\\'`, 'y'] }],
    [`x == '''a' && 'b''' && y`, { all: [`x == '''a' && 'b'''`, 'y'] }],
    ['a // && b\n && c', { all: ['a // && b', 'c'] }],
    ['jwt.?a && b', { all: ['jwt.?a', 'b'] }],
    ["(a == ')') && b", { all: ["a == ')'", 'b'] }],
    ['!(a && b)', '!(a && b)'],
  ];
  for (const [source, expected] of table)
    it(JSON.stringify(source), () => assert.deepEqual(shape(splitClauses(source)), expected));

  it('keeps the meaning of random expressions', () => {
    const env = celEnv({ funcs: strings });
    const jwt = { a: 'x', b: 'y', n: 3 };
    let seed = 7;
    const pick = (count: number) => (seed = (seed * 48271) % 2147483647) % count;
    const atoms = [
      "jwt.a == 'x'",
      "jwt.b == 'x'",
      "jwt.none == 'x'",
      'has(jwt.none)',
      'true',
      "jwt.a in ['x && y', 'x']",
    ];
    const build = (depth: number): string => {
      if (depth === 0) return atoms[pick(atoms.length)]!;
      const join = pick(2) ? ' && ' : ' || ';
      const text = Array.from({ length: 2 + pick(2) }, () => build(depth - 1)).join(join);
      return [text, `(${text})`, `!(${text})`, `(${text}) ? ${build(0)} : ${build(0)}`][pick(4)]!;
    };
    for (let i = 0; i < 400; i++) {
      // A conditional binds loosest, so it may stand inside only in parentheses.
      const source = Array.from({ length: 1 + pick(3) }, () => `(${build(pick(3))})`).join(pick(2) ? '&&' : '||');
      const whole = plan(env, parse(source))({ jwt }) === true;
      assert.equal(explainDenial(route({ require: source }), jwt, search) === undefined, whole, source);
    }
  });
});

describe('tools that the rules name', () => {
  it('are found with the reason why they are missing', () => {
    const hidden = hiddenTools(
      route({ require: REFERENCE }, { deny: "mcp.tool.name == 'delete_page' || mcp.tool.name == 'drop'" }),
      v1,
    );
    assert.deepEqual(
      hidden.map(({ name, target, reason }) => [name, target, reason.cause]),
      [
        ['delete_page', undefined, 'deny'],
        ['drop', undefined, 'deny'],
      ],
    );
    assert.deepEqual(hiddenTools(route({ require: "mcp.tool.name != 'secret'" }), v1)[0]?.name, 'secret');
  });

  it('are found for the target that the rule is about', () => {
    const rules = route('true', { deny: "mcp.tool.target == 'exa-ai' && mcp.tool.name == 'crawl'" });
    assert.deepEqual(
      hiddenTools(rules, v1).map(({ name, target }) => [name, target]),
      [['crawl', 'exa-ai']],
    );
    const allow = route(
      "mcp.tool.target == 'microsoft' && mcp.tool.name == 'search'",
      `mcp.tool.name == 'admin' && jwt.appid == '${OTHER}'`,
    );
    assert.deepEqual(
      hiddenTools(allow, v1).map(({ name, reason }) => [name, reason.clause]),
      [['admin', `jwt.appid == '${OTHER}'`]],
    );
  });
});

describe('a file that is made to trouble its reader', () => {
  const quick = (work: () => void) => {
    const started = performance.now();
    work();
    assert.ok(performance.now() - started < 5_000, `${performance.now() - started} ms`);
  };

  it('is read without end neither in parentheses nor in length', () => {
    for (const text of [
      `${'('.repeat(200_000)}true${')'.repeat(200_000)}`,
      '('.repeat(200_000),
      `jwt.a == 1${' && jwt.a == 1'.repeat(50_000)}`,
      `${'!'.repeat(200_000)}true`,
    ])
      quick(() => assert.equal(explainDenial(route(text), v1, search)?.outcome, 'unknown'));
  });

  it('leaves to the gateway what nests too deep to be walked', () => {
    for (const text of [`a${'.a'.repeat(4_900)} == 1`, `jwt${'[0]'.repeat(3_000)}`, `1${'+1'.repeat(4_900)} == jwt.n`])
      assert.equal(explainDenial(route(text), v1, search)?.outcome, 'unknown');
  });

  it('reads claims, not members of every object', () => {
    const reason = explainDenial(route("jwt.constructor.name == 'x'"), v1, search);
    assert.deepEqual(reason?.claims, [{ name: 'constructor.name' }]);
    assert.equal(compile("toString == 'x'").judge({ jwt: v1 }), 'unknown');
  });

  it('costs little when it has many rules', () => {
    const rules = Array.from(
      { length: 60 },
      (_, number) => `jwt.appid == 'a${number % 3}' && mcp.tool.name == 't${number}'`,
    );
    hiddenTools(route(...rules), v1);
    quick(() => assert.equal(hiddenTools(route(...rules), v1).length, 60));
  });
});
