import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webviewHtml, type WebviewPage } from '../../../src/protocol/html.ts';
import { safeHref } from '../../../src/protocol/links.ts';
import { visible } from '../../../src/protocol/visible.ts';

test('characters that deceive are spelled out, those that scripts need stay', () => {
  assert.equal(visible('a\u202eb'), 'a‹U+202E›b');
  assert.equal(visible('\u0000\u001b[31m\u0085\u007f'), '‹U+0000›‹U+001B›[31m‹U+0085›‹U+007F›');
  assert.equal(visible('pay\u200bload\ufeff'), 'pay‹U+200B›load‹U+FEFF›');
  assert.equal(visible('\u{e0041}\u{e007f}'), '‹U+E0041›‹U+E007F›');
  assert.equal(visible('\u2066x\u2069'), '‹U+2066›x‹U+2069›');
  for (const fine of ['tab\tand\nline', '👩‍💻', 'می‌خواهم', 'é ü ß 漢字', 'שלום\u200f!'])
    assert.equal(visible(fine), fine);
  assert.equal(visible('a\r\nb\rc'), 'a\nb\nc');
});

test('a link may lead to https and mailto only', () => {
  assert.equal(safeHref('https://example.org/a b'), 'https://example.org/a%20b');
  assert.equal(safeHref('mailto:ana@contoso.example'), 'mailto:ana@contoso.example');
  for (const bad of [
    'http://example.org',
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'java\tscript:alert(1)',
    ' https://example.org',
    'command:workbench.action.quit',
    'vscode://x',
    'file:///etc/passwd',
    'data:text/html,x',
    '//example.org',
    '/relative',
    '#anchor',
    'https://',
    'https://bank.example@evil.example/',
  ])
    assert.equal(safeHref(bad), undefined, bad);
});

const page: WebviewPage = {
  view: 'chat',
  cspSource: 'https://csp.example',
  nonce: 'bm9uY2U=',
  scriptUri: 'https://csp.example/chat.js',
  styleUri: 'https://csp.example/chat.css',
  lang: 'en',
  title: 'Agent ID',
};

test('the page allows our script and style and nothing else', () => {
  const html = webviewHtml(page);
  const policy =
    /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(html)?.[1]?.replaceAll('&#39;', "'") ?? '';
  assert.ok(policy.startsWith("default-src 'none'; "));
  for (const unsafe of ['unsafe', 'connect-src', 'frame-src', 'https:', '*'])
    assert.equal(policy.replaceAll(page.cspSource, '').includes(unsafe), false, unsafe);
  assert.match(policy, /script-src 'nonce-bm9uY2U='/);
  assert.match(html, /<body data-view="chat">/);
});

test('what is put into the page can not break out of its place', () => {
  const html = webviewHtml({
    ...page,
    title: '</title><script>1</script>',
    lang: '"><script>2</script>',
    strings: { Send: '</script><script>3</script>' },
  });
  assert.equal(html.match(/<script/g)?.length, 2);
});
