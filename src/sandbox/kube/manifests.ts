import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { parse, parseAllDocuments } from 'yaml';
import type { KubeObject } from './types.ts';

/** Fills in `${VAR}`; throws an error that lists every name without a value. */
export function render(text: string, values: Readonly<Record<string, string>>): string {
  const missing = new Set<string>();
  const rendered = text.replace(/\$\{([A-Z][A-Z0-9_]*)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) missing.add(name);
    return value ?? whole;
  });
  if (missing.size > 0) throw new Error(`The manifests need a value for ${[...missing].join(', ')}.`);
  return rendered;
}

const strings = v.record(v.string(), v.string());

const objectSchema = v.looseObject({
  apiVersion: v.string(),
  kind: v.string(),
  metadata: v.looseObject({
    name: v.pipe(v.string(), v.regex(/^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$/)),
    namespace: v.optional(v.string()),
    labels: v.optional(strings),
    annotations: v.optional(strings),
  }),
});

/** The objects of a YAML stream; throws on bad YAML, and on a document that is not a Kubernetes object. */
export function parseManifests(text: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document): KubeObject[] => {
    if (document.errors[0]) throw document.errors[0];
    const value: unknown = document.toJS();
    if (value === null) return []; // an empty document between two separators
    const { metadata, ...rest } = v.parse(objectSchema, value);
    const { name, namespace, labels, annotations } = metadata;
    return [
      {
        ...rest,
        metadata: {
          name,
          ...(namespace && { namespace }),
          ...(labels && { labels }),
          ...(annotations && { annotations }),
        },
      },
    ];
  });
}

const kustomization = v.object({ resources: v.array(v.pipe(v.string(), v.regex(/^[\w-]+\.yaml$/))) });

/** Texts of the manifests that a folder's `kustomization.yaml` lists, in its order. */
export async function readManifests(folder: string): Promise<string[]> {
  const { resources } = v.parse(kustomization, parse(await readFile(join(folder, 'kustomization.yaml'), 'utf8')));
  return Promise.all(resources.map(name => readFile(join(folder, name), 'utf8')));
}
