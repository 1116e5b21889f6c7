import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyFor } from '../../../src/cluster/proxy.ts';

const ENV = { HTTPS_PROXY: 'http://env-proxy:3128', HTTP_PROXY: 'plain-proxy:8080' };
const proxy = (server: string, settings: Parameters<typeof proxyFor>[1] = {}) =>
  proxyFor(new URL(server), { env: ENV, ...settings })?.href;

test('the kubeconfig goes before the editor, and the editor before the environment', () => {
  const kubeconfig = 'socks5://user@socks:1080';
  assert.equal(proxy('https://api.example', { kubeconfig, editor: 'http://editor:1' }), 'socks5://user@socks:1080');
  assert.equal(proxy('https://api.example', { editor: 'http://editor:1' }), 'http://editor:1/');
  assert.equal(proxy('https://api.example'), 'http://env-proxy:3128/');
  assert.equal(proxy('http://api.example'), 'http://plain-proxy:8080/');
  assert.equal(proxy('https://api.example', { env: { https_proxy: 'http://lower:1' } }), 'http://lower:1/');
  assert.equal(proxy('https://api.example', { env: {} }), undefined);
  assert.throws(() => proxy('https://api.example', { kubeconfig: 'http://' }), TypeError);
});

test('loopback needs no proxy unless the kubeconfig says so', () => {
  for (const server of [
    'https://127.0.0.1:6443',
    'https://127.9.9.9',
    'https://localhost:6443',
    'https://[::1]:6443',
  ]) {
    assert.equal(proxy(server), undefined);
    assert.equal(proxy(server, { editor: 'http://editor:1' }), undefined);
    assert.equal(proxy(server, { kubeconfig: 'http://k:1' }), 'http://k:1/');
  }
});

test('NO_PROXY speaks of hosts, domains, ports, addresses and networks', () => {
  const excluded: [string, string, boolean][] = [
    ['*', 'https://any.example', true],
    ['example', 'https://api.example', true],
    ['.example', 'https://api.example', true],
    ['.example', 'https://example', false],
    ['*.example', 'https://a.b.example', true],
    ['api.example', 'https://notapi.example', false],
    ['ample', 'https://api.example', false],
    [' other , API.example ', 'https://api.example', true],
    ['api.example:6443', 'https://api.example:6443', true],
    ['api.example:443', 'https://api.example', true],
    ['api.example:80', 'https://api.example:6443', false],
    ['10.0.0.0/8', 'https://10.1.2.3:6443', true],
    ['10.0.0.0/8', 'https://11.1.2.3:6443', false],
    ['10.0.0.0/99', 'https://10.1.2.3', false],
    ['10.1.2.3', 'https://10.1.2.3', true],
    ['fd00::/8', 'https://[fd12::1]:6443', true],
    ['[fd12::1]:6443', 'https://[fd12::1]:6443', true],
    ['fd12::1', 'https://[fd12::1]:6443', true],
    ['', 'https://api.example', false],
  ];
  for (const [list, server, direct] of excluded)
    assert.equal(proxy(server, { env: { ...ENV, NO_PROXY: list } }) === undefined, direct, `${list} for ${server}`);
});
