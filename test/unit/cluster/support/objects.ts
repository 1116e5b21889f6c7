import { readdir, readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import { FakeApiServer } from './fakeApiServer.ts';

export interface KubeObject {
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  [field: string]: unknown;
}

const PLURALS: Record<string, [group: string, plural: string]> = {
  Deployment: ['/apis/apps/v1', 'deployments'],
  Service: ['/api/v1', 'services'],
  ServiceAccount: ['/api/v1', 'serviceaccounts'],
  ConfigMap: ['/api/v1', 'configmaps'],
  Pod: ['/api/v1', 'pods'],
};

/** The project's own manifests with their variables filled in, as `kubectl apply` would send them. */
export async function ourManifests(values: Record<string, string>): Promise<KubeObject[]> {
  const folder = new URL('../../../../k8s/base/', import.meta.url);
  const files = (await readdir(folder)).filter(name => name.endsWith('.yaml') && name !== 'kustomization.yaml');
  const texts = await Promise.all(files.map(name => readFile(new URL(name, folder), 'utf8')));
  return texts.flatMap(text => parse(text.replace(/\$\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)));
}

export function parse(text: string): KubeObject[] {
  return parseAllDocuments(text).map(document => document.toJS() as KubeObject);
}

/** Lists of each kind, and each object by its name. */
export function serve(server: FakeApiServer, namespace: string, objects: readonly KubeObject[]): void {
  for (const [kind, [group, plural]] of Object.entries(PLURALS)) {
    const mine = objects.filter(object => object.kind === kind);
    const path = `${group}/namespaces/${namespace}/${plural}`;
    server.routes.set(path, (_request, response) => FakeApiServer.json(response, 200, { items: mine }));
    for (const object of mine)
      server.routes.set(`${path}/${object.metadata.name}`, (_request, response) =>
        FakeApiServer.json(response, 200, object),
      );
  }
}

export function forbid(server: FakeApiServer, path: string): void {
  server.routes.set(path, (_request, response) => FakeApiServer.status(response, 403, 'forbidden: User "dev" cannot'));
}
