import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { backoff, isTransient, LINK_TIMES } from '../../../src/cluster/patience.ts';

test('pauses double up to a bound that leaves a second for the dial within the 5 s that are promised', () => {
  const { backoffMin, backoffMax, settle } = LINK_TIMES;
  for (let attempt = 1; attempt <= 100; attempt++) {
    const full = Math.min(backoffMax, backoffMin * 2 ** (attempt - 1));
    for (let time = 0; time < 20; time++) {
      const pause = backoff(LINK_TIMES, attempt);
      assert.ok(pause >= full / 2 && pause <= full, `${pause} ms after attempt ${attempt}`);
    }
  }
  assert.ok(backoffMax + settle <= 4_000);
});

test('what time may heal is tried again, and what needs a person is not', () => {
  const badResponse = (status: number) => new AgentIdError('cluster.badResponse', { status });
  for (const error of [
    'cluster.unreachable',
    'cluster.notFound',
    'tunnel.noReadyPod',
    'tunnel.dialFailed',
    'tunnel.refused',
    'tunnel.podError',
    'tunnel.lost',
    'tunnel.unresponsive',
  ])
    assert.ok(isTransient(new AgentIdError(error)), error);
  for (const status of [429, 500, 503]) assert.ok(isTransient(badResponse(status)), String(status));
  for (const error of [
    'cluster.unauthorized',
    'cluster.forbidden',
    'cluster.tls',
    'cluster.pluginFailed',
    'tunnel.upgradeRefused',
    'tunnel.protocol',
    'tunnel.closed',
  ])
    assert.ok(!isTransient(new AgentIdError(error)), error);
  for (const status of [200, 400, 404]) assert.ok(!isTransient(badResponse(status)), String(status));
});
