import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRequest } from '../../../src/sandbox/kube/requestInfo.ts';

const parts = (method: string, path: string) => {
  const { verb, group, resource, subresource, namespace, name } = parseRequest(method, path);
  return [verb, group, namespace, resource, name, subresource].join('|');
};

test('requests are taken apart as the API server does', () => {
  assert.equal(parts('GET', '/api/v1/pods'), 'list|||pods||');
  assert.equal(parts('GET', '/api/v1/namespaces/n/pods/p'), 'get||n|pods|p|');
  assert.equal(parts('GET', '/api/v1/namespaces/n/pods?watch=true'), 'watch||n|pods||');
  assert.equal(parts('GET', '/api/v1/namespaces/n/pods?watch=0'), 'list||n|pods||');
  assert.equal(parts('GET', '/api/v1/namespaces/n/pods/p/portforward?ports=1'), 'get||n|pods|p|portforward');
  assert.equal(parts('POST', '/api/v1/namespaces/n/pods/p/portforward'), 'create||n|pods|p|portforward');
  assert.equal(parts('GET', '/api/v1/namespaces/n'), 'get||n|namespaces|n|');
  assert.equal(parts('GET', '/api/v1/namespaces'), 'list|||namespaces||');
  assert.equal(parts('DELETE', '/api/v1/namespaces/n/pods'), 'deletecollection||n|pods||');
  assert.equal(parts('PATCH', '/apis/apps/v1/namespaces/n/deployments/d'), 'patch|apps|n|deployments|d|');
});

test('a list that a field selector narrows to one name counts as that name', () => {
  assert.equal(
    parts('GET', '/api/v1/namespaces/n/configmaps?fieldSelector=metadata.name%3Dx'),
    'list||n|configmaps|x|',
  );
});

test('everything else is a path', () => {
  for (const path of ['/', '/version', '/api', '/api/v1', '/apis/apps/v1', '/api/v1/'])
    assert.equal(parseRequest('GET', path).path, path.length > 1 ? path.replace(/\/$/, '') : path);
});
