import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { retryAfter, translateLlmFailure } from '../../../src/gateway/translate.ts';

const asked = { route: '/llm', host: 'gateway.invalid', deployment: 'gpt-4.1-mini' };
const text = (status: number, body: string, headers = {}) =>
  translateLlmFailure(new Response(body, { status, headers: { 'content-type': 'text/plain', ...headers } }), asked);
const json = (status: number, body: unknown, headers = {}) =>
  translateLlmFailure(Response.json(body, { status, headers }), asked);
const jwt = (kind: string) => `authentication failure: the token is invalid or malformed: Error(${kind})`;

describe('AgentGateway’s own failures', () => {
  // Status, body (as v1.4.1 writes it), our code.
  const table: [number, string, string][] = [
    [401, 'authentication failure: no bearer token found', 'gateway.tokenMissing'],
    [401, jwt('ExpiredSignature'), 'gateway.tokenExpired'],
    [401, jwt('InvalidAudience'), 'gateway.audienceRejected'],
    [401, jwt('InvalidIssuer'), 'gateway.issuerRejected'],
    [401, jwt('InvalidSignature'), 'gateway.signatureRejected'],
    [401, 'authentication failure: token uses the unknown key "abc"', 'gateway.signatureRejected'],
    [401, 'authentication failure: the token header does not specify a `kid`', 'gateway.signatureRejected'],
    [401, jwt('ImmatureSignature'), 'gateway.tokenRejected'],
    [401, '{"error":"unauthorized","error_description":"JWT token required"}', 'gateway.tokenRejected'],
    [403, 'authorization failed', 'gateway.forbidden'],
    [403, 'The request was rejected due to inappropriate content', 'gateway.guardrail'],
    [404, 'route not found', 'gateway.routeMissing'],
    [429, 'rate limit exceeded', 'gateway.rateLimited'],
    [503, 'processing failed: missing field: model not specified', 'gateway.requestRejected'],
    [400, 'failed to process LLM request: bad', 'gateway.requestRejected'],
    [503, 'processing failed: length limit exceeded', 'gateway.requestTooLarge'],
    [413, 'too large', 'gateway.requestTooLarge'],
    [503, 'upstream call failed: connection refused', 'gateway.upstreamUnreachable'],
    [503, 'backends required DNS resolution which failed', 'gateway.upstreamUnreachable'],
    [504, 'upstream call timeout', 'gateway.upstreamTimeout'],
    [504, 'request timeout', 'gateway.upstreamTimeout'],
    [500, 'no valid backends', 'gateway.unexpected'],
  ];
  for (const [status, body, code] of table)
    it(`${status} ${body.slice(0, 60)} is ${code}`, async () => assert.equal((await text(status, body)).code, code));

  it('reads the reset of its own limit', async () => {
    const error = await text(429, 'rate limit exceeded', { 'x-ratelimit-reset': '12' });
    assert.deepEqual(error.args, { route: '/llm', resetSeconds: 12 });
  });
});

describe('failures of the model’s host, passed through verbatim', () => {
  const azure = (code: string, message = 'why', more = {}) => ({ error: { code, message, ...more } });
  const table: [number, unknown, string][] = [
    [401, { statusCode: 401, message: 'Unauthorized. Access token is missing, invalid' }, 'llm.tokenRejected'],
    [401, azure('PermissionDenied'), 'llm.tokenRejected'],
    [403, azure('AuthenticationTypeDisabled'), 'llm.forbidden'],
    [404, azure('DeploymentNotFound'), 'llm.deploymentMissing'],
    [404, azure('model_not_found'), 'llm.deploymentMissing'],
    [404, azure('404', 'Resource not found'), 'llm.notFound'],
    [429, azure('429'), 'llm.rateLimited'],
    [400, azure('context_length_exceeded'), 'llm.contextTooLong'],
    [400, azure('invalid_request_error'), 'llm.requestRejected'],
    [500, azure('InternalServerError'), 'llm.unavailable'],
    [502, { error: 'bad gateway' }, 'llm.unavailable'],
    [400, ['odd'], 'llm.requestRejected'],
  ];
  for (const [status, body, code] of table)
    it(`${status} ${JSON.stringify(body)} is ${code}`, async () => assert.equal((await json(status, body)).code, code));

  it('says how long to wait and what was filtered', async () => {
    const limited = await json(429, azure('429', 'slow down'), { 'retry-after': '23' });
    assert.deepEqual(limited.args, { retryAfterSeconds: 23, detail: 'slow down' });
    const filtered = await json(
      400,
      azure('content_filter', 'filtered', {
        innererror: {
          code: 'ResponsibleAIPolicyViolation',
          content_filter_result: {
            hate: { filtered: false, severity: 'safe' },
            violence: { filtered: true, severity: 'medium' },
          },
        },
      }),
    );
    assert.equal(filtered.code, 'llm.contentFiltered');
    assert.equal(filtered.args.categories, 'violence');
  });

  it('reads every form of Retry-After', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    const wait = (headers: Record<string, string>) => retryAfter(new Headers(headers), now);
    assert.equal(wait({ 'retry-after-ms': '1500', 'retry-after': '9' }), 2);
    assert.equal(wait({ 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' }), 30);
    assert.equal(wait({ 'retry-after': 'Thu, 01 Jan 2025 00:00:30 GMT' }), 0);
    assert.equal(wait({ 'retry-after': 'soon' }), 0);
    assert.equal(wait({}), 0);
  });
});

describe('hostile bodies', () => {
  it('are bounded, redacted, on one line, and never read to the end', async () => {
    let cancelled = false;
    const filler = new TextEncoder().encode(`x\n\u001b[31m Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.sig `.repeat(50));
    const endless = new ReadableStream<Uint8Array>({
      pull: controller => controller.enqueue(filler),
      cancel: () => void (cancelled = true),
    });
    const error = await translateLlmFailure(new Response(endless, { status: 500 }), asked);
    assert.ok(cancelled);
    assert.ok(String(error.args.detail).length <= 300);
    assert.doesNotMatch(error.message, /eyJ|[\u0000-\u001f]/); // eslint-disable-line no-control-regex
  });

  it('may break off', async () => {
    const broken = new ReadableStream<Uint8Array>({
      start: controller => controller.enqueue(new TextEncoder().encode('route not ')),
      pull: controller => controller.error(new Error('gone')),
    });
    assert.equal((await translateLlmFailure(new Response(broken, { status: 404 }), asked)).code, 'gateway.unexpected');
  });
});
