import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { Sidecar } from '../../../src/identity/sidecar.ts';
import { AGENT, fakeFetch, fixture, json, jwt, recordingLogger } from './support.ts';

const ORIGIN = 'http://sidecar.invalid';
const TC = jwt(fixture('tc-v2'));
const T2 = jwt(fixture('t2-openai-v1'));

const open = (answer: () => Response | Promise<Response>) => {
  const network = fakeFetch(answer);
  const logger = recordingLogger();
  return { ...network, logger, sidecar: new Sidecar({ origin: ORIGIN, fetch: network.fetch, logger }) };
};
const ask = (answer: () => Response | Promise<Response>) =>
  open(answer).sidecar.token('openai', { userToken: TC, agentAppId: AGENT });

const problem = (status: number, detail: string, title = 'Unauthorized'): Response =>
  new Response(JSON.stringify({ type: 'https://tools.ietf.org/html/rfc9110', title, status, detail }), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  });
const empty = (status: number, headers: Record<string, string> = {}) => new Response(null, { status, headers });
const html = (status: number, text: string) =>
  new Response(text, { status, headers: { 'content-type': 'text/html; charset=us-ascii' } });

describe('the sidecar’s token', () => {
  it('is asked for with the agent and the user, and returned without its scheme', async () => {
    const { sidecar, seen } = open(() => json({ authorizationHeader: `Bearer ${T2}` }));
    assert.equal(await sidecar.token('openai', { userToken: TC, agentAppId: AGENT }), T2);
    const [request] = seen;
    assert.equal(request?.url.href, `${ORIGIN}/AuthorizationHeader/openai?AgentIdentity=${AGENT}`);
    assert.equal(request?.headers.get('authorization'), `Bearer ${TC}`);
    assert.equal(request?.method, 'GET');
  });

  it('passes the sidecar’s cache when forced', async () => {
    const { sidecar, seen } = open(() => json({ authorizationHeader: `Bearer ${T2}` }));
    await sidecar.token('a/b c', { userToken: TC, agentAppId: AGENT, forceRefresh: true });
    assert.equal(seen[0]?.url.pathname, '/AuthorizationHeader/a%2Fb%20c');
    assert.equal(seen[0]?.url.searchParams.get('optionsOverride.AcquireTokenOptions.ForceRefresh'), 'true');
  });

  const tail = ' Trace ID: a1 Correlation ID: 9ddb74cd-0000-4000-8000-000000000002 Timestamp: 2026-03-01 13:08:48Z';
  const refusals: [code: string, aadsts: number, sentence: string][] = [
    ['sidecar.consentMissing', 65001, 'The user or administrator has not consented to use the application.'],
    ['sidecar.interactionRequired', 50076, 'You must use multi-factor authentication.'],
    ['sidecar.interactionRequired', 50158, 'External security challenge was not satisfied.'],
    ['sidecar.blockedByPolicy', 53003, 'Access has been blocked by Conditional Access policies.'],
    ['sidecar.userTokenRejected', 500133, 'Assertion is not within its valid time range.'],
    ['sidecar.userTokenRejected', 50013, 'Assertion failed signature validation.'],
    ['sidecar.workloadIdentityRefused', 700213, 'No matching federated identity record found.'],
    ['sidecar.workloadIdentityRefused', 7000215, 'Invalid client secret provided.'],
    ['sidecar.unknownIdentity', 700016, 'Application was not found in the directory.'],
    ['sidecar.unknownResource', 500011, 'The resource principal was not found in the tenant.'],
    ['sidecar.entraRefused', 82001, 'The agent application may not do this.'],
    ['sidecar.entraRefused', 999_999, 'Something new.'],
  ];
  for (const [code, aadsts, sentence] of refusals) {
    it(`refused by Entra with ${aadsts} is ${code}`, async () => {
      await assert.rejects(
        ask(() => problem(401, `AADSTS${aadsts}: ${sentence}${tail}`)),
        (error: unknown) => {
          assert.ok(error instanceof AgentIdError);
          assert.equal(error.code, code);
          const { reason, ...args } = error.args;
          assert.deepEqual(args, {
            api: 'openai',
            agent: AGENT,
            aadsts,
            detail: `AADSTS${aadsts}: ${sentence}`,
            correlationId: '9ddb74cd-0000-4000-8000-000000000002',
            time: '2026-03-01 13:08:48Z',
          });
          if (code === 'sidecar.userTokenRejected') assert.equal(reason, args.detail);
          return true;
        },
      );
    });
  }

  const invalid = 'Bearer error="invalid_token", error_description="The audience \'api://x\' is invalid"';
  const noScopes =
    "No scopes found for the API 'openai' or in optionsOverride. 'scopes' needs to be either a single value or a list of values.";
  const others: [what: string, answer: () => Response, code: string, args: Record<string, unknown>][] = [
    [
      'an empty 401 with its reason',
      () => empty(401, { 'www-authenticate': invalid }),
      'sidecar.userTokenRejected',
      { reason: "The audience 'api://x' is invalid" },
    ],
    [
      'a bare 401',
      () => empty(401, { 'www-authenticate': 'Bearer' }),
      'sidecar.userTokenRejected',
      { reason: 'no reason given' },
    ],
    [
      'a 401 whose reason is no number of Entra’s',
      () => problem(401, 'No account or login hint was passed.'),
      'sidecar.refused',
      { api: 'openai', status: 401, detail: 'No account or login hint was passed.' },
    ],
    [
      'an API that it does not know',
      () => problem(400, noScopes, 'Bad Request'),
      'sidecar.unknownApi',
      { api: 'openai' },
    ],
    ['the wrong host', () => html(400, '<h2>Bad Request - Invalid Hostname</h2>'), 'sidecar.wrongHost', {}],
    ['a caller from elsewhere', () => empty(403), 'sidecar.forbiddenCaller', {}],
    [
      'a failure inside',
      () => problem(500, 'An unexpected error occurred.', 'Internal Server Error'),
      'sidecar.unexpected500',
      { status: 500, detail: 'An unexpected error occurred.' },
    ],
    [
      'a proxy in between',
      () => html(502, '<html><h1>Bad Gateway</h1></html>'),
      'sidecar.unexpected500',
      { status: 502, detail: 'Bad Gateway' },
    ],
    [
      'another program',
      () => html(404, 'Not found'),
      'sidecar.notASidecar',
      { status: 404, problem: 'text/html; charset=us-ascii' },
    ],
    [
      'another program that says 200',
      () => html(200, '<html>hello'),
      'sidecar.notASidecar',
      { status: 200, problem: 'text/html; charset=us-ascii' },
    ],
    [
      'a redirect',
      () => empty(302, { location: 'https://evil.example/' }),
      'sidecar.notASidecar',
      { status: 302, problem: 'no content type' },
    ],
    [
      'another shape',
      () => json({ token: 'x' }),
      'sidecar.malformedAnswer',
      { status: 200, problem: 'no authorizationHeader' },
    ],
    [
      'broken JSON',
      () => new Response('{"authoriz', { headers: { 'content-type': 'application/json' } }),
      'sidecar.malformedAnswer',
      { status: 200, problem: 'no authorizationHeader' },
    ],
    [
      'an answer without end',
      () => json({ authorizationHeader: `Bearer ${'x'.repeat(300 * 1024)}` }),
      'sidecar.malformedAnswer',
      { status: 200, problem: 'no authorizationHeader' },
    ],
    ['another scheme', () => json({ authorizationHeader: 'PoP eyJ.e30.x' }), 'sidecar.notBearer', { scheme: 'PoP' }],
    [
      'a header that would break ours',
      () => json({ authorizationHeader: 'Bearer x\r\nX-Evil: 1' }),
      'sidecar.malformedAnswer',
      { status: 200, problem: 'the header carries no token' },
    ],
  ];
  for (const [what, answer, code, args] of others) {
    it(`answered by ${what} is ${code}`, async () => {
      await assert.rejects(ask(answer), { code, args });
    });
  }

  it('names why nobody answers', async () => {
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    await assert.rejects(
      ask(() => Promise.reject(new TypeError('fetch failed', { cause: reset }))),
      {
        code: 'sidecar.unreachable',
        args: { reason: 'ECONNRESET' },
      },
    );
  });

  it('leaves the tunnel’s own errors as they are', async () => {
    const error = new AgentIdError('tunnel.noReadyPod', { name: 'sidecar' });
    await assert.rejects(
      ask(() => Promise.reject(error)),
      error,
    );
  });

  it('stops when it is cancelled', async () => {
    const abort = new AbortController();
    const { sidecar } = open(() => new Promise<Response>(() => {}));
    const running = sidecar.token('openai', { userToken: TC, agentAppId: AGENT, signal: abort.signal });
    abort.abort();
    await assert.rejects(running, { name: 'AbortError' });
  });

  it('writes no token to the log or into an error', async () => {
    const { sidecar, logger } = open(() => problem(401, `AADSTS50013: the assertion was ${TC}`));
    await assert.rejects(sidecar.token('openai', { userToken: TC, agentAppId: AGENT }), (error: Error) => {
      assert.ok(!error.message.includes(TC));
      return true;
    });
    assert.ok(!logger.lines.join('').includes(TC));
  });
});

describe('the sidecar’s health', () => {
  const health = (answer: () => Response | Promise<Response>) => open(answer).sidecar.healthz();

  it('is what /healthz says', async () => {
    const { sidecar, seen } = open(() => new Response('Healthy'));
    await sidecar.healthz();
    assert.equal(seen[0]?.url.href, `${ORIGIN}/healthz`);
    assert.equal(seen[0]?.headers.get('authorization'), null);
  });

  it('is told apart from what is not a sidecar', async () => {
    await assert.rejects(
      health(() => new Response('Unhealthy', { status: 503 })),
      {
        code: 'sidecar.unhealthy',
        args: { status: 503, detail: 'Unhealthy' },
      },
    );
    await assert.rejects(
      health(() => new Response('ok')),
      { code: 'sidecar.notASidecar' },
    );
    await assert.rejects(
      health(() => html(404, 'no')),
      { code: 'sidecar.notASidecar' },
    );
    await assert.rejects(
      health(() => html(400, 'Bad Request - Invalid Hostname')),
      { code: 'sidecar.wrongHost' },
    );
    await assert.rejects(
      health(() => empty(403)),
      { code: 'sidecar.forbiddenCaller' },
    );
    await assert.rejects(
      health(() => empty(500)),
      { code: 'sidecar.unexpected500' },
    );
  });
});

describe('what a hostile pod answers', () => {
  const LONG = 250_000;
  const answers: [what: string, answer: () => Response, code: string][] = [
    ['an error page that only opens tags', () => html(500, '<'.repeat(LONG)), 'sidecar.unexpected500'],
    ['a refusal full of blanks', () => problem(401, `AADSTS50013:${' '.repeat(LONG)}x`), 'sidecar.userTokenRejected'],
    ['a refusal full of token beginnings', () => problem(400, 'eyJ-'.repeat(LONG / 4)), 'sidecar.refused'],
    [
      'a refusal full of "Trace"',
      () => problem(401, `AADSTS65001: ${'Trace '.repeat(LONG / 6)}`),
      'sidecar.consentMissing',
    ],
  ];
  for (const [what, answer, code] of answers) {
    it(`costs no time: ${what}`, async () => {
      const started = performance.now();
      await assert.rejects(ask(answer), { code });
      assert.ok(performance.now() - started < 5_000, `${performance.now() - started} ms`);
    });
  }
});
