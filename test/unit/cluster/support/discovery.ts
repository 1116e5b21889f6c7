import { discover, type Discovery } from '../../../../src/cluster/discovery.ts';
import { HttpKubeApi, type KubeApi } from '../../../../src/cluster/kubeApi.ts';
import { FakeApiServer } from './fakeApiServer.ts';
import { serve, type KubeObject } from './objects.ts';
import { fixedCredentials } from './world.ts';

export const TENANT = '11111111-1111-4111-8111-111111111111';
export const BLUEPRINT = '22222222-2222-4222-8222-222222222222';
export const RESEARCH = '33333333-3333-4333-8333-333333333333';
export const INTERN = '44444444-4444-4444-8444-444444444444';
export const MCP_APP = '55555555-5555-4555-8555-555555555555';

export const VALUES = {
  NAMESPACE: 'agent-id',
  TENANT_ID: TENANT,
  ENTRA_INSTANCE: 'https://login.microsoftonline.com/',
  BLUEPRINT_APP_ID: BLUEPRINT,
  RESEARCH_AGENT_APP_ID: RESEARCH,
  INTERN_AGENT_APP_ID: INTERN,
  MCP_APP_ID: MCP_APP,
  LLM_DEPLOYMENT: 'gpt-4.1-mini, gpt-4.1',
  LLM_API_VERSION: '2024-10-21',
};

export async function withObjects(
  objects: readonly KubeObject[],
  work: (found: Discovery, setup: { server: FakeApiServer; api: KubeApi }) => void | Promise<void>,
  options: { namespace?: string; prepare?: (server: FakeApiServer) => void } = {},
): Promise<void> {
  const { namespace = 'agent-id', prepare } = options;
  const server = await FakeApiServer.start();
  const api = new HttpKubeApi({ context: 'c', server: server.origin, credentials: fixedCredentials('x') });
  try {
    serve(server, namespace, objects);
    prepare?.(server);
    await work(await discover(api, namespace), { server, api });
  } finally {
    await api.close();
    await server.close();
  }
}

/** Changes one object of the manifests. */
export function change(
  objects: KubeObject[],
  kind: string,
  name: string,
  edit: (object: KubeObject) => void,
): KubeObject[] {
  return objects.map(object => {
    if (object.kind !== kind || object.metadata.name !== name) return object;
    const copy = structuredClone(object);
    edit(copy);
    return copy;
  });
}
