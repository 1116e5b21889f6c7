import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import * as v from 'valibot';
import type { KubeObject } from './kustomize.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures');
export const MINORS = ['1.35', '1.36', '1.37'];

// Formats such as int32 are the schemas' own; `strict` would refuse them and the x-kubernetes-… keywords.
const options = { strict: false, validateFormats: false, allErrors: true };
const named = v.looseObject({
  'x-kubernetes-group-version-kind': v.optional(v.array(v.record(v.string(), v.string())), []),
});

/** What a Kubernetes minor finds wrong with an object: unknown fields, missing ones, wrong types. */
export function kubernetesValidator(minor: string): (object: KubeObject) => string[] {
  const schema = v.parse(
    v.looseObject({ $id: v.string(), $defs: v.record(v.string(), named) }),
    readJson(`kubernetes/v${minor}.json`),
  );
  const ajv = new Ajv2020(options);
  ajv.addSchema(schema);
  return object => {
    const [group = '', version = ''] = object.apiVersion.includes('/')
      ? object.apiVersion.split('/')
      : ['', object.apiVersion];
    const [name] =
      Object.entries(schema.$defs).find(([, definition]) =>
        definition['x-kubernetes-group-version-kind'].some(
          each => each.group === group && each.version === version && each.kind === object.kind,
        ),
      ) ?? [];
    if (name === undefined) return [`Kubernetes ${minor} has no ${object.apiVersion} ${object.kind}`];
    const validate = ajv.getSchema(`${schema.$id}#/$defs/${name}`);
    if (!validate) throw new Error(`no schema ${name}`);
    return validate(object) ? [] : messages(validate.errors);
  };
}

/** What a published schema of AgentGateway finds wrong with a file of it. */
export function gatewayValidator(schema: unknown): (file: unknown) => string[] {
  const validate = new Ajv2020(options).compile(v.parse(v.looseObject({}), schema));
  return file => (validate(file) ? [] : messages(validate.errors));
}

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(join(FIXTURES, name), 'utf8'));
}

function messages(errors: ErrorObject[] | null | undefined): string[] {
  return (errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}
