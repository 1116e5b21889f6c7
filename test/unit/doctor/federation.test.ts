// What can't be arranged in a simulated cluster: addresses of real networks, and what webhooks make of a pod.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Authority } from '../../../src/identity/authority.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import type { KubeApi } from '../../../src/cluster/kubeApi.ts';
import type { Pod } from '../../../src/cluster/kubeObjects.ts';
import { Look } from '../../../src/doctor/chain.ts';
import type { Subject } from '../../../src/doctor/clusterChecks.ts';
import { lookAtFederation } from '../../../src/doctor/federation.ts';
import { audienceOfTokenFile } from '../../../src/doctor/tokenFile.ts';
import { fakeFetch, json, TENANT } from '../identity/support.ts';

const jwks = { keys: [{ kid: 'k1', n: 'n1' }] };

/** What is said of a cluster that names this issuer, where the internet shows exactly its documents. */
async function codeOf(issuer: string): Promise<string | undefined> {
  const own = { issuer, jwks_uri: `${issuer}/openid/v1/jwks` };
  const api = {
    get: async (path: string) => (path.startsWith('/api/') ? { items: [] } : path === '/openid/v1/jwks' ? jwks : own),
  };
  const { fetch } = fakeFetch(({ url }) => json(url.pathname.endsWith('jwks') ? jwks : own));
  const look = new Look(AbortSignal.timeout(5_000));
  const found = {
    api: api as unknown as KubeApi,
    agent: { namespace: 'n', serviceAccount: 's', selector: { a: 'b' }, sidecar: { name: 'sidecar' } },
    configuration: { blueprintAppId: { value: TENANT } },
  } as unknown as Subject;
  const authority = new Authority(`https://login.microsoftonline.com/${TENANT}`, false);
  try {
    await lookAtFederation(look, found, { fetch, authority });
    assert.equal(look.found.credential?.body.issuer, issuer);
    return look.unseen?.code;
  } catch (error) {
    return AgentIdError.is(error) ? error.code : String(error);
  }
}

test('an issuer that Entra can’t reach is told from one that it can', async () => {
  for (const issuer of [
    'https://oidc.prod-aks.azure.com/9d4f6a1b-27c8-4e35-8a60-f1b2c3d4e5a7/',
    'https://static.example/kind',
    'https://kubernetes.example.com',
    'https://20.50.1.7',
    'https://172.32.0.1:6443',
    'https://[2603:1020::7]',
  ])
    assert.equal(await codeOf(issuer), undefined, issuer);
  for (const issuer of [
    'https://kubernetes.default.svc.cluster.local',
    'https://kubernetes.default.svc',
    'https://kubernetes.default',
    'kubernetes/serviceaccount',
    'http://static.example/kind',
    'https://kind-control-plane:6443',
    'https://localhost:6443',
    'https://api.corp.internal',
    'https://10.96.0.1',
    'https://172.20.0.2:6443',
    'https://192.168.49.2:8443',
    'https://169.254.169.254',
    'https://127.0.0.1:6443',
    'https://[fd00::1]:6443',
    'https://[::ffff:10.0.0.1]',
  ])
    assert.equal(await codeOf(issuer), 'doctor.issuerPrivate', issuer);
});

const FOLDER = '/var/run/secrets/azure/tokens';
function pod(change: { mount?: object; env?: object[]; token?: object } = {}): Pod {
  const { mount = { mountPath: FOLDER }, env = [], token = { audience: 'api://AzureADTokenExchange' } } = change;
  return {
    metadata: { name: 'p', labels: {} },
    spec: {
      containers: [
        {
          name: 'sidecar',
          env,
          volumeMounts: [
            { name: 'other', mountPath: '/tmp' },
            { name: 't', ...mount },
          ],
        },
      ],
      volumes: [
        { name: 'other' },
        { name: 't', projected: { sources: [{}, { serviceAccountToken: { path: 'token', ...token } }] } },
      ],
    },
  } as unknown as Pod;
}
const code = (run: () => unknown) => {
  try {
    return run();
  } catch (error) {
    return AgentIdError.is(error) ? [error.code, error.args['path'], error.args['audience']] : error;
  }
};

test('the token that the sidecar reads is found where the kubelet puts it', () => {
  const expected = 'api://AzureADTokenExchange';
  assert.equal(audienceOfTokenFile(pod(), 'sidecar', `${FOLDER}/token`), expected);
  assert.equal(
    audienceOfTokenFile(pod({ mount: { mountPath: `${FOLDER}/` } }), 'sidecar', `${FOLDER}//token`),
    expected,
  );
  const single = { mountPath: '/token-of-the-pod', subPath: 'token' };
  assert.equal(audienceOfTokenFile(pod({ mount: single }), 'sidecar', '/token-of-the-pod'), expected);
  const webhook = [{ name: 'AZURE_FEDERATED_TOKEN_FILE', value: `${FOLDER}/token` }];
  assert.equal(audienceOfTokenFile(pod({ env: webhook }), 'sidecar', undefined), expected);
  const china = { audience: 'api://AzureADTokenExchangeChina' };
  assert.equal(audienceOfTokenFile(pod({ token: china }), 'sidecar', `${FOLDER}/token`), china.audience);
});

test('a token that is elsewhere, or for somebody else, is none', () => {
  const missing = (path: string) => ['doctor.noTokenFile', path, undefined];
  assert.deepEqual(
    code(() => audienceOfTokenFile(pod(), 'sidecar', '/elsewhere')),
    missing('/elsewhere'),
  );
  assert.deepEqual(
    code(() => audienceOfTokenFile(pod(), 'sidecar', undefined)),
    missing('AZURE_FEDERATED_TOKEN_FILE'),
  );
  assert.deepEqual(
    code(() => audienceOfTokenFile(pod({ mount: { mountPath: FOLDER, subPath: 'x' } }), 'sidecar', `${FOLDER}/token`)),
    missing(`${FOLDER}/token`),
  );
  for (const audience of [undefined, 'https://kubernetes.default.svc', 'xapi://AzureADTokenExchange'])
    assert.deepEqual(
      code(() => audienceOfTokenFile(pod({ token: { audience } }), 'sidecar', `${FOLDER}/token`)),
      ['doctor.tokenAudience', `${FOLDER}/token`, audience ?? ''],
    );
});
