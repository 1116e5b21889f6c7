import type { Attributes } from './rbac.ts';

/** A request, taken apart as the API server does (apiserver `pkg/endpoints/request/requestinfo.go`). */
export interface RequestInfo extends Attributes {
  version: string;
  query: URLSearchParams;
}

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  GET: 'get',
  HEAD: 'get',
  DELETE: 'delete',
};

export function parseRequest(method: string, target: string): RequestInfo {
  const url = new URL(target, 'https://api.invalid');
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname;
  const verb = VERBS[method] ?? method.toLowerCase();
  const none = { verb, group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
  const query = url.searchParams;
  const [, core, group, groupVersion, rest] = /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))\/(.+)$/.exec(path) ?? [];
  if (rest === undefined) return { ...none, path, query };
  let parts = rest.split('/').map(decodeURIComponent);
  let namespace = '';
  // `namespaces/x` alone is the namespace itself; with more behind it, it is the place of what follows.
  if (parts[0] === 'namespaces' && parts.length > 2) {
    namespace = parts[1] ?? '';
    parts = parts.slice(2);
  }
  const [resource = '', ownName = '', subresource = ''] = parts;
  const selected = /(?:^|,)metadata\.name==?([^,]+)/.exec(query.get('fieldSelector') ?? '');
  const onCollection = ownName === '';
  return {
    ...none,
    group: group ?? '',
    version: core ?? groupVersion ?? '',
    resource,
    subresource,
    namespace: resource === 'namespaces' ? ownName : namespace,
    // A collection that a field selector narrows to one name counts as that name for the authorizer.
    name: onCollection && verb === 'get' ? (selected?.[1] ?? '') : ownName,
    verb: onCollection ? collectionVerb(verb, query) : verb,
    query,
  };
}

function collectionVerb(verb: string, query: URLSearchParams): string {
  if (verb === 'get') return ['true', '1'].includes(query.get('watch') ?? '') ? 'watch' : 'list';
  return verb === 'delete' ? 'deletecollection' : verb;
}
