import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeJwt, type JWTPayload } from 'jose';
import { authenticate } from '../../../src/sandbox/entra/clients.ts';
import { EntraError } from '../../../src/sandbox/entra/errors.ts';
import { createTenant, type Tenant } from '../../../src/sandbox/entra/tenant.ts';
import { createSigningKey } from '../../../src/sandbox/keys.ts';
import { projectedToken } from '../../../src/sandbox/sidecar/projectedToken.ts';
import { createWorld, type World } from '../../../src/sandbox/world.ts';

let world: World;
let tenant: Tenant;
let projected: JWTPayload;
before(async () => {
  world = await createWorld();
  tenant = createTenant(world, { origin: 'https://127.0.0.1:1', loginOrigin: 'http://127.0.0.1:2' });
  projected = decodeJwt(await projectedToken(world, 'pod'));
});
after(() => world.close());

const present = (assertion: string) =>
  authenticate(
    tenant,
    new Map([
      ['client_id', world.blueprint.appId],
      ['client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'],
      ['client_assertion', assertion],
    ]),
  );
const refusal = async (assertion: string): Promise<number> => {
  try {
    await present(assertion);
    return 0;
  } catch (error) {
    if (!(error instanceof EntraError)) throw error;
    assert.equal(error.status, 401);
    return error.code;
  }
};

test('a projected ServiceAccount token looks like what kubelet mounts, and is the blueprint', async () => {
  assert.deepEqual(projected.aud, ['api://AzureADTokenExchange']);
  assert.equal(projected.sub, 'system:serviceaccount:agent-id:agent-blueprint');
  assert.equal((projected.exp ?? 0) - (projected.iat ?? 0), 3600);
  const client = await present(await projectedToken(world, 'pod'));
  assert.deepEqual([client.kind, client.proof, client.application.appId], ['blueprint', '2', world.blueprint.appId]);
});

test('issuer, audience and subject must match exactly, in this order of complaint', async () => {
  const sign = (changes: JWTPayload) => world.clusterKey.sign({ ...projected, ...changes });
  assert.equal(await refusal(await sign({ iss: `${world.clusterIssuer}/` })), 700211);
  assert.equal(await refusal(await sign({ aud: 'api://azureadtokenexchange' })), 700212);
  assert.equal(await refusal(await sign({ sub: 'system:serviceaccount:agent-id:default' })), 700213);
  assert.equal(await refusal(await sign({ sub: 'system:serviceaccount:agent-id:Agent-Blueprint' })), 700213);
});

test('key, signature and lifetime are told apart', async () => {
  const other = await createSigningKey('another cluster');
  assert.equal(await refusal(await other.sign(projected)), 7000272);
  assert.equal(await refusal(await other.sign(projected, { kid: world.clusterKey.kid })), 7000274);
  const past = (projected.iat ?? 0) - 10;
  assert.equal(await refusal(await world.clusterKey.sign({ ...projected, exp: past })), 700024);
  assert.equal(await refusal(await world.clusterKey.sign({ ...projected, nbf: (projected.exp ?? 0) + 10 })), 700024);
  assert.equal(await refusal('no token'), 700027);
});
