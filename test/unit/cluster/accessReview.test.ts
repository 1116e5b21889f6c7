import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { accessError, NEEDED, refusedAccess, requireAccess, serverVersion } from '../../../src/cluster/accessReview.ts';
import { HttpKubeApi } from '../../../src/cluster/kubeApi.ts';
import { FakeApiServer } from './support/fakeApiServer.ts';
import { fixedCredentials } from './support/world.ts';

const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

/** An API server that allows what `allows` says of `verb group/resource/subresource`. */
async function withServer(
  allows: (what: string) => boolean,
  work: (api: HttpKubeApi, server: FakeApiServer, asked: string[]) => Promise<void>,
): Promise<void> {
  const server = await FakeApiServer.start();
  const api = new HttpKubeApi({ context: 'c', server: server.origin, credentials: fixedCredentials('x') });
  const asked: string[] = [];
  server.routes.set(REVIEWS, (_request, response, body) => {
    const { spec } = JSON.parse(body) as { spec: { resourceAttributes: Record<string, string> } };
    const { verb, group, resource, subresource, namespace } = spec.resourceAttributes;
    assert.equal(namespace, 'ns');
    const what = `${verb} ${group}/${[resource, subresource].filter(Boolean).join('/')}`;
    asked.push(what);
    FakeApiServer.json(response, 201, { status: { allowed: allows(what) } });
  });
  try {
    await work(api, server, asked);
  } finally {
    await api.close();
    await server.close();
  }
}

test('what is refused is named in one step, and stands for the error that the request would have met', async () => {
  const refused = (what: string) => what === 'create /pods/portforward' || what === 'list apps/deployments';
  await withServer(
    what => !refused(what),
    async (api, _server, asked) => {
      const missing = await refusedAccess(api, 'ns', { minor: 35 });
      assert.deepEqual(
        missing.map(({ verb, resource }) => `${verb} ${resource}`),
        ['list deployments', 'create pods/portforward'],
      );
      assert.equal(asked.length, NEEDED.length);
      const error = accessError(missing[1]!, 'ns');
      assert.equal(error.code, 'cluster.forbidden');
      assert.deepEqual(
        [error.args['verb'], error.args['resource'], error.args['namespace']],
        ['create', 'pods/portforward', 'ns'],
      );
    },
  );
});

test('a right that only newer API servers ask for is no question to an older one', async () => {
  await withServer(
    () => true,
    async (api, _server, asked) => {
      await refusedAccess(api, 'ns', { minor: 34 });
      assert.ok(!asked.includes('create /pods/portforward'), asked.join());
      asked.length = 0;
      await refusedAccess(api, 'ns');
      assert.ok(asked.includes('create /pods/portforward'), 'an unknown version counts as the newest');
    },
  );
});

test('the version is read as providers write it, and nonsense is none', async () => {
  await withServer(
    () => true,
    async (api, server) => {
      const say = (body: unknown) =>
        server.routes.set('/version', (_request, response) => FakeApiServer.json(response, 200, body));
      say({ major: '1', minor: '35+', gitVersion: 'v1.35.2-eks-1' });
      assert.deepEqual(await serverVersion(api), { text: 'v1.35.2-eks-1', minor: 35 });
      say({ hello: 'world' });
      assert.equal(await serverVersion(api), undefined);
      server.routes.delete('/version');
      assert.equal(await serverVersion(api), undefined);
    },
  );
});

test('everything that is missing is one error, and what an old server does not ask for is not missing', async () => {
  const refused = (what: string) => what === 'create /pods/portforward' || what === 'list apps/deployments';
  await withServer(
    what => !refused(what),
    async (api, server) => {
      const version = (minor: string) =>
        server.routes.set('/version', (_request, response) =>
          FakeApiServer.json(response, 200, { major: '1', minor, gitVersion: `v1.${minor}.0` }),
        );
      const others = async () => {
        const error = await requireAccess(api, 'ns').then(
          () => undefined,
          (reason: unknown) => reason,
        );
        assert.ok(AgentIdError.is(error, 'cluster.forbidden'));
        assert.deepEqual([error.args['verb'], error.args['resource']], ['list', 'deployments']);
        return error.args['others'];
      };
      version('35');
      assert.equal(await others(), 'create pods/portforward');
      version('34');
      assert.equal(await others(), undefined);
      server.routes.delete('/version'); // a server that does not say it
      assert.equal(await others(), undefined);
    },
  );
});

test('a server that answers no reviews stops nobody', async () => {
  await withServer(
    () => true,
    async (api, server) => {
      server.routes.set(REVIEWS, (_request, response) => FakeApiServer.status(response, 403, 'Forbidden'));
      await requireAccess(api, 'ns');
    },
  );
});
