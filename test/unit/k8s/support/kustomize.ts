import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { parse, parseAllDocuments } from 'yaml';

const patch = v.strictObject({
  target: v.strictObject({
    kind: v.optional(v.string()),
    name: v.optional(v.string()),
    labelSelector: v.optional(v.pipe(v.string(), v.regex(/^[\w./-]+=[\w.-]+$/))),
  }),
  patch: v.string(),
});

/** The fields of a kustomization that `k8s/` uses; any other is an error, so that nothing is passed over in silence. */
const kustomization = v.strictObject({
  apiVersion: v.optional(v.string()),
  kind: v.optional(v.picklist(['Kustomization', 'Component'])),
  resources: v.optional(v.array(v.string()), []),
  components: v.optional(v.array(v.string()), []),
  patches: v.optional(v.array(patch), []),
});

/** A list of JSON Patch operations (RFC 6902). */
const operations = v.array(
  v.strictObject({
    op: v.picklist(['add', 'replace']),
    path: v.pipe(v.string(), v.startsWith('/')),
    value: v.unknown(),
  }),
);

const object = v.looseObject({
  apiVersion: v.string(),
  kind: v.string(),
  metadata: v.looseObject({
    name: v.string(),
    namespace: v.optional(v.string()),
    labels: v.optional(v.record(v.string(), v.string()), {}),
    annotations: v.optional(v.record(v.string(), v.string())),
  }),
});
export type KubeObject = v.InferOutput<typeof object>;

/** The Kubernetes objects of a YAML stream. */
export function parseObjects(text: string): KubeObject[] {
  return parseAllDocuments(text).map(document => {
    if (document.errors[0]) throw document.errors[0];
    return v.parse(object, document.toJS());
  });
}

/**
 * What `kubectl kustomize` makes of a folder, for the few features that `k8s/` uses: resources, components, and
 * patches by JSON Patch operations.
 */
export async function kustomize(folder: string, onto: KubeObject[] = []): Promise<KubeObject[]> {
  const text = await readFile(join(folder, 'kustomization.yaml'), 'utf8');
  const { resources, components, patches } = v.parse(kustomization, parse(text));
  let objects = onto;
  for (const name of resources) {
    const path = join(folder, name);
    const added = (await stat(path)).isDirectory() ? kustomize(path) : readFile(path, 'utf8').then(parseObjects);
    objects = [...objects, ...(await added)];
  }
  for (const name of components) objects = await kustomize(join(folder, name), objects);
  for (const { target, patch: change } of patches) {
    const list = v.parse(operations, parse(change));
    const targets = objects.filter(each => matches(each, target));
    for (const each of targets) for (const { op, path, value } of list) apply(each, op, path, value);
  }
  return objects;
}

function matches({ kind, metadata }: KubeObject, target: v.InferOutput<typeof patch>['target']): boolean {
  const [key = '', value] = target.labelSelector?.split('=') ?? [];
  return (
    (target.kind ?? kind) === kind &&
    (target.name ?? metadata.name) === metadata.name &&
    (target.labelSelector === undefined || metadata.labels[key] === value)
  );
}

/** Both operations set a member of an object here; `add` to a list is not used, and refused. */
function apply(root: object, op: 'add' | 'replace', pointer: string, value: unknown): void {
  const keys = pointer
    .slice(1)
    .split('/')
    .map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop() ?? '';
  let parent: unknown = root;
  for (const key of keys) parent = member(parent, key, pointer);
  if (typeof parent !== 'object' || parent === null || Array.isArray(parent) || (op === 'replace' && !(last in parent)))
    throw new Error(`${op} ${pointer}: there is nothing to change`);
  Object.assign(parent, { [last]: structuredClone(value) });
}

function member(parent: unknown, key: string, pointer: string): unknown {
  if (typeof parent !== 'object' || parent === null || !(key in parent)) throw new Error(`${pointer}: no ${key}`);
  return (parent as Record<string, unknown>)[key];
}
