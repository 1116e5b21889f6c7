import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { parseGatewayConfig } from '../../../src/gateway/config.ts';
import { preflight, type PreflightOptions, type RouteVerdict } from '../../../src/gateway/preflight.ts';
import type { PresentedToken } from '../../../src/gateway/tokenCheck.ts';

const NOW = 1_800_000_000_000;
const AGENT = 'a4c7b0de-0000-4000-8000-000000000001';
const APP = 'c6e9d2f0-0000-4000-8000-000000000003';
const V1 = 'https://sts.windows.net/T/';
const V2 = 'https://login.microsoftonline.com/T/v2.0';
const REFERENCE = `jwt.appid == '${AGENT}' && '11' in jwt.xms_act_fct.split(' ')`;
const KEYS = JSON.stringify({ keys: [{ kty: 'RSA', kid: 'k1', n: 'AQAB', e: 'AQAB' }] });
const jwtAuth = { mode: 'strict', issuer: V1, audiences: [`api://${APP}`], jwks: KEYS };

const token = (claims: object = {}, header: object = {}): PresentedToken => ({
  header: { alg: 'RS256', kid: 'k1', ...header },
  claims: {
    ...{ iss: V1, aud: `api://${APP}`, exp: NOW / 1000 + 600, appid: AGENT, xms_act_fct: '3 9 11', ver: '1.0' },
    ...claims,
  },
});

/** The verdict on an MCP route with these policies. */
function judge(
  policies: object,
  presented: PresentedToken | 'none' = token(),
  more: object = {},
  options?: PreflightOptions,
) {
  const route = {
    name: 'mcp',
    matches: [{ path: { exact: '/mcp' } }],
    backends: [{ mcp: { targets: [{ name: 'a' }] } }],
  };
  const text = stringify({ gateways: { default: { port: 3000 } }, routes: [{ ...route, policies }], ...more });
  return preflight(
    parseGatewayConfig(text),
    { path: '/mcp' },
    presented === 'none' ? undefined : presented,
    NOW,
    options,
  );
}
const checks = ({ checks: list }: RouteVerdict) => list.map(({ kind, outcome }) => `${kind} ${outcome}`);

describe('a token', () => {
  it('of the other version is refused for its issuer, and the API can be changed', () => {
    const verdict = judge({ jwtAuth }, token({ iss: V2 }));
    assert.deepEqual(verdict.answer, {
      status: 401,
      text: 'authentication failure: the token is invalid or malformed: Error(InvalidIssuer)',
    });
    const check = verdict.checks[1]!;
    assert.deepEqual(check.reason, { code: 'issuerDiffers', expected: V1, actual: V2 });
    assert.deepEqual(check.remedy, { code: 'setIssuer', issuer: V2, version: '1.0', app: APP });
  });
});

describe('the way of a request', () => {
  it('is admitted check by check', () => {
    const verdict = judge({
      jwtAuth,
      authorization: { rules: ['has(jwt.aud)'] },
      mcpAuthorization: { rules: [REFERENCE] },
    });
    assert.equal(verdict.outcome, 'admitted');
    assert.deepEqual(checks(verdict), [
      'route passes',
      'jwtAuth passes',
      'authorization passes',
      'mcpAuthorization passes',
    ]);
    assert.equal(verdict.answer, undefined);
  });

  it('names the clause, the value and the change that mends it', () => {
    const verdict = judge(
      { jwtAuth, mcpAuthorization: { rules: [{ require: REFERENCE }] } },
      token({ xms_act_fct: undefined }),
    );
    assert.equal(verdict.outcome, 'refused');
    assert.deepEqual(verdict.answer, { status: 200, text: '{"tools":[]}' });
    const check = verdict.checks.at(-1)!;
    assert.deepEqual(
      check.rules[0]?.clauses.parts.map(({ text, verdict: of, claims }) => [text, of, claims]),
      [
        [`jwt.appid == '${AGENT}'`, 'holds', [{ name: 'appid', value: AGENT }]],
        [`'11' in jwt.xms_act_fct.split(' ')`, 'fails', [{ name: 'xms_act_fct' }]],
      ],
    );
    assert.ok(check.remedy?.code === 'emitClaims' && check.remedy.app === APP);
  });
});

describe('modes', () => {
  it('that let a request pass without claims leave every rule about claims unfulfilled', () => {
    const open = judge({ jwtAuth: { ...jwtAuth, mode: 'optional' }, mcpAuthorization: { rules: [REFERENCE] } }, 'none');
    assert.deepEqual(checks(open), ['route passes', 'jwtAuth passes', 'mcpAuthorization fails']);
    assert.equal(open.checks[1]?.unauthenticated, true);
    assert.equal(
      judge({ jwtAuth: { ...jwtAuth, mode: undefined } }, 'none').outcome,
      'admitted',
      'optional by default',
    );
    const bad = token({ iss: V2 });
    assert.equal(judge({ jwtAuth: { ...jwtAuth, mode: 'permissive' } }, bad).outcome, 'admitted');
    assert.equal(judge({ jwtAuth: { ...jwtAuth, mode: 'optional' } }, bad).outcome, 'refused');
  });

  it('of mcpAuthentication are strict by default, and its answer says nothing', () => {
    const verdict = judge({ mcpAuthentication: { ...jwtAuth, mode: undefined } }, 'none');
    assert.match(verdict.answer?.text ?? '', /JWT token required/);
  });
});

describe('the key', () => {
  const providers = (first: object, second: object) => ({
    jwtAuth: {
      mode: 'strict',
      providers: [
        { ...jwtAuth, mode: undefined, ...first },
        { issuer: V2, ...second },
      ],
    },
  });
  const v2 = token({ iss: V2, aud: APP });
  const url = (name: string) => ({ jwks: { url: `https://login.example/${name}` } });

  it('chooses the provider, whatever issuer the token names', () => {
    const verdict = judge(providers({}, { jwks: KEYS }), v2);
    assert.equal(verdict.checks[1]?.reason?.code, 'issuerDiffers');
    assert.equal(
      judge(providers(url('keys'), url('keys')), v2).checks[1]?.reason?.code,
      'issuerDiffers',
      'one key set',
    );
  });

  it('is taken for granted where only one provider can have it, and open where two can', () => {
    const one = judge({ jwtAuth: { ...jwtAuth, ...url('keys') } });
    assert.equal(one.outcome, 'admitted');
    assert.equal(one.checks[1]?.reason?.code, 'keysUnseen');
    assert.equal(judge(providers(url('a'), url('b')), v2).outcome, 'unknown');
    const keys = (source: { location?: string }) => (source.location?.endsWith('a') ? ['other'] : ['k1']);
    assert.equal(
      judge(providers(url('a'), url('b')), v2, {}, { keys: source => keys('location' in source ? source : {}) })
        .outcome,
      'admitted',
    );
  });

  it('that nobody has refuses', () => {
    assert.equal(
      judge({ jwtAuth }, token({}, { kid: 'k9' })).answer?.text,
      'authentication failure: token uses the unknown key "k9"',
    );
  });
});

describe('a token that has ended', () => {
  it('is taken for a minute longer, and says so; then it is refused', () => {
    const at = NOW / 1000;
    const endedAt = (exp: number) => judge({ jwtAuth }, token({ exp }));
    assert.equal(endedAt(at + 1).checks[1]?.reason, undefined);
    for (const exp of [at, at - 60]) {
      const late = endedAt(exp);
      assert.equal(late.outcome, 'admitted');
      assert.deepEqual(late.checks[1]?.reason, { code: 'leeway', at: exp });
    }
    const refused = endedAt(at - 61);
    assert.deepEqual([refused.outcome, refused.checks[1]?.reason?.code], ['refused', 'expired']);
  });
});

describe('other places of the file', () => {
  const gateways = (policies: object) => ({ gateways: { default: { port: 3000, ...policies } } });

  it('policies of the listener come first, and take the token away', () => {
    const twice = judge({ jwtAuth }, token(), gateways({ jwtAuth }));
    assert.deepEqual(checks(twice), ['route passes', 'jwtAuth passes', 'jwtAuth fails']);
    assert.equal(twice.checks[2]?.reason?.code, 'tokenTaken');
    const rules = { rules: [{ require: "jwt.sub == 'nobody'" }] };
    const refused = judge({ jwtAuth }, token(), gateways({ jwtAuth, authorization: rules }));
    assert.deepEqual(refused.answer, { status: 403, text: 'authorization failed' });
    assert.equal(judge({}, token(), gateways({ jwtAuth })).outcome, 'admitted');
  });

  it('what decides by more than the token is unknown, unless something else refuses', () => {
    for (const policies of [
      { extAuthz: { host: 'h' } },
      { authorization: { rules: [{ maybe: 'true' }] } },
      { jwtAuth: 7 },
    ])
      assert.equal(judge(policies).outcome, 'unknown', JSON.stringify(policies));
    const both = judge({ extAuthz: { host: 'h' }, jwtAuth }, 'none');
    assert.equal(both.outcome, 'refused');
    assert.equal(both.answer, undefined, 'which of the two answers is open');
    const attached = (policy: object, more: object = {}) => ({
      policies: [{ name: 'p', target: { route: { name: 'mcp' } }, policy, ...more }],
    });
    for (const some of [
      attached({ authorization: { rules: ['true'] } }),
      attached({ jwtAuth }),
      attached({ extAuthz: { host: 'h' } }),
      attached({ urlRewrite: { path: { full: '/x' } } }, { phase: 'gateway' }),
      { policies: 'nothing that we know' },
    ])
      assert.deepEqual(judge({}, token(), some).checks[1]?.reason, { code: 'unread', policies: ['policies'] });
    assert.equal(judge({}, token(), attached({ cors: {}, timeout: { requestTimeout: '5s' } })).outcome, 'admitted');
    assert.equal(judge({ jwtAuth: { ...jwtAuth, location: { cookie: { name: 'c' } } } }).outcome, 'unknown');
  });

  it('a rule about what is never set is said to be one', () => {
    const fix = (policies: object) => judge({ jwtAuth, ...policies }).checks.at(-1)?.remedy;
    const http = fix({ authorization: { rules: [{ require: "mcp.tool.name == 'x'" }] } });
    assert.ok(http?.code === 'neverSet' && http.variable === 'mcp.tool.name');
    const later = fix({
      mcpAuthorization: { rules: [{ require: "mcp.methodName == 'tools/call' && has(jwt.appid)" }] },
    });
    assert.ok(later?.code === 'neverSet' && later.variable === 'mcp.methodName');
  });
});

describe('the route', () => {
  const at = (path: string, matches: object[][], more: object = {}) => {
    const routes = matches.map((match, index) => ({
      name: `r${index}`,
      matches: match,
      backends: [{ ai: {} }],
      ...more,
    }));
    return preflight(parseGatewayConfig(stringify({ routes })), { path }, undefined, NOW);
  };
  const prefix = (path: string) => ({ path: { pathPrefix: path } });

  it('is the exact one, then the one with the longer prefix, of whole segments', () => {
    assert.equal(at('/a/b', [[prefix('/')], [prefix('/a')], [{ path: { exact: '/a/b' } }]]).route, 'r2');
    assert.equal(at('/a/b/c', [[prefix('/a')], [prefix('/a/b')]]).route, 'r1');
    assert.equal(at('/ab', [[prefix('/a')], [prefix('/')]]).route, 'r1');
    assert.equal(at('/a', [[{ ...prefix('/a'), method: 'GET' }], [prefix('/')]]).route, 'r1', 'we send POST');
    assert.deepEqual(at('/b', [[prefix('/a')]]).answer, { status: 404, text: 'route not found' });
  });

  it('is left open where it hangs on what we do not send or can not read', () => {
    const open = (verdict: RouteVerdict) =>
      verdict.checks[0]?.reason?.code === 'routeUnsure' ? verdict.outcome : undefined;
    const when = (name: string) => ({ headers: [{ name, value: { exact: 'y' } }] });
    assert.equal(open(at('/a', [[{ ...prefix('/a'), ...when('Accept') }], [prefix('/')]])), 'unknown');
    assert.equal(open(at('/a', [[{ ...prefix('/a'), headers: ['unreadable'] }], [prefix('/')]])), 'unknown');
    assert.equal(open(at('/a', [[{ ...prefix('/a'), query: [{ name: 'api-version', value: {} }] }]])), 'unknown');
    for (const regex of ['(?i)/A', '/(a+)+', '/\\p{L}', '/a.*b.*c.*d.*', '/[[:alpha:]]', '/(?=a)a'])
      assert.equal(open(at('/a', [[{ path: { regex } }]])), 'unknown', regex);
    assert.equal(open(at('/a', [[prefix('/a')], [prefix('/a')]])), 'unknown');
    assert.equal(open(at('/a', [[prefix('/a')]], { hostnames: ['*'] })), 'unknown');
  });

  it('is none whose conditions our requests never meet', () => {
    const when = (name: string) => [{ name, value: { exact: 'y' } }];
    assert.equal(at('/a', [[{ ...prefix('/a'), headers: when('x-tenant') }], [prefix('/')]]).route, 'r1');
    assert.equal(at('/a', [[{ ...prefix('/a'), query: when('debug') }], [prefix('/')]]).route, 'r1');
    assert.equal(at('/a', [[prefix('/a')]], { hostnames: ['api.example', '*.example'] }).answer?.status, 404);
  });

  it('for our host comes before one for any, whatever their paths', () => {
    const routes = [
      { name: 'any', matches: [{ path: { exact: '/a' } }], backends: [{ ai: {} }] },
      { name: 'ours', hostnames: ['LocalHost'], matches: [prefix('/')], backends: [{ ai: {} }] },
    ];
    const verdict = preflight(parseGatewayConfig(stringify({ routes })), { path: '/a' }, undefined, NOW);
    assert.equal(verdict.route, 'ours');
  });

  it('is of the listener for our host, else of the one for any', () => {
    const listener = (name: string, hostname?: string) => ({
      ...(hostname !== undefined && { hostname }),
      routes: [{ name, matches: [prefix('/')], backends: [{ ai: {} }] }],
    });
    const at = (...listeners: object[]) => {
      const config = parseGatewayConfig(stringify({ binds: [{ port: 1, listeners }] }));
      return preflight(config, { path: '/a' }, undefined, NOW).route;
    };
    assert.equal(at(listener('any'), listener('ours', 'localhost')), 'ours');
    assert.equal(at(listener('other', 'api.example'), listener('any')), 'any');
    assert.equal(at(listener('other', 'api.example')), '');
  });

  it('is found by an expression that takes all of the path, as the gateway’s engine reads it', () => {
    const of = (regex: string, path = '/a/b1') => at(path, [[{ path: { regex } }], [{ path: { regex: '/.*' } }]]).route;
    for (const regex of ['/a/b1', '^/a/b\\d$', '/a/.*', '/(a|x)/b[0-9]+', '/(?:x|a)/.+'])
      assert.equal(of(regex), 'r0', regex);
    for (const regex of ['/a', 'a/b1', '/a/b', '/(a|a/b1)'])
      assert.equal(of(regex), 'r1', `${regex} takes a part only`);
  });
});
