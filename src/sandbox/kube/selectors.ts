import { badRequest } from './status.ts';
import type { KubeObject } from './types.ts';

export type Predicate = (object: KubeObject) => boolean;

const KEY = '[A-Za-z0-9][-A-Za-z0-9_./]*';
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const EQUALITY = new RegExp(`^(${KEY})\\s*(=|==|!=)\\s*([-A-Za-z0-9_.]*)$`);
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`);

/** A `labelSelector` with equality, set and existence requirements; a 400 Status for anything else. */
export function labelSelector(text: string): Predicate {
  // Commas separate requirements, but not those inside the parentheses of a set.
  const parts = text.split(/,(?![^(]*\))/).map(part => part.trim());
  const requirements = parts.filter(Boolean).map(part => labelRequirement(part, text));
  return object => requirements.every(holds => holds(object.metadata.labels ?? {}));
}

function labelRequirement(part: string, text: string): (labels: Record<string, string>) => boolean {
  const [, setKey, operator, list] = SET.exec(part) ?? [];
  if (setKey !== undefined && list !== undefined) {
    const values = list.split(',').map(value => value.trim());
    const within = (labels: Record<string, string>) => setKey in labels && values.includes(labels[setKey] ?? '');
    return operator === 'in' ? within : labels => !within(labels);
  }
  const [, key, sign, value] = EQUALITY.exec(part) ?? [];
  if (key !== undefined) return labels => (labels[key] === value) === (sign !== '!=');
  const [, not, present] = EXISTS.exec(part) ?? [];
  if (present !== undefined) return labels => present in labels === (not !== '!');
  throw badRequest(`unable to parse requirement: found '${part}', in the selector '${text}'`);
}

/** Field labels that a resource can be selected by (Kubernetes `pkg/apis/core/v1/conversion.go`, the part we keep). */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  pods: ['spec.nodeName', 'spec.restartPolicy', 'spec.serviceAccountName', 'status.phase', 'status.podIP'],
  namespaces: ['status.phase'],
  events: ['involvedObject.kind', 'involvedObject.name', 'involvedObject.namespace', 'reason', 'type'],
};

/** A `fieldSelector` for this resource; a 400 Status for a field that it can't be selected by. */
export function fieldSelector(text: string, plural: string): { matches: Predicate; name?: string } {
  let name: string | undefined;
  const requirements = text
    .split(',')
    .filter(Boolean)
    .map(part => {
      const [, path, sign, value] = /^([\w.]+)(==|=|!=)(.*)$/.exec(part.trim()) ?? [];
      if (path === undefined || value === undefined) throw badRequest(`invalid selector: '${text}'`);
      const known = ['metadata.name', 'metadata.namespace', ...(FIELDS[plural] ?? [])];
      if (!known.includes(path)) throw badRequest(`field label not supported: ${path}`);
      if (path === 'metadata.name' && sign !== '!=') name = value;
      return (object: KubeObject) => (read(object, path.split('.')) === value) === (sign !== '!=');
    });
  return { matches: object => requirements.every(holds => holds(object)), ...(name !== undefined && { name }) };
}

function read(value: unknown, path: readonly string[]): string {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null) return '';
    here = (here as Record<string, unknown>)[step];
  }
  return typeof here === 'string' ? here : '';
}
