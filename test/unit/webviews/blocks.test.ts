import assert from 'node:assert/strict';
import { test } from 'node:test';
import MarkdownIt from 'markdown-it';
import { lineOffset, openBlock } from '../../../src/webviews/chat/blocks.ts';

const markdown = new MarkdownIt();

/** The offset up to which a text is settled. */
function settled(text: string): number {
  return lineOffset(text, openBlock(markdown.parse(text, {}), text.split('\n').length - 1).line);
}

test('the last block that starts on a complete line is open', () => {
  assert.equal(settled(''), 0);
  assert.equal(settled('one'), 0);
  assert.equal(settled('one\n\ntwo'), 0, 'the second may still turn out to belong to the first');
  assert.equal(settled('one\n\ntwo\n'), 5);
  assert.equal(settled('- a\n- b\n\n  still b\n'), 0);
  assert.equal(settled('> quote\n-'), 0);
  assert.equal(settled('one\n\n```js\nlet a;\n'), 5);
  assert.equal(settled('one\n\n```js\nlet a;\n```\n\ntwo\n'), 23);
});

test('settled parts and the open rest are what the whole text is, wherever the stream is cut', () => {
  const text = [
    '# Title\n\nA paragraph that\ngoes on.\n\n',
    '- item\n- item\n\n  with a paragraph\n\n1. one\n2. two\n\n',
    '> quote\nlazy\n\n```yaml\na: 1\n\nb: 2\n```\n\n',
    '| a | b |\n|---|--:|\n| 1 | 2 |\n\nSetext\n======\n\n* * *\n\n    indented\n\nend *of* text\n',
  ].join('');
  for (const size of [1, 2, 3, 7, 40]) {
    let html = '';
    let from = 0;
    for (let to = size; to < text.length; to += size) {
      const tail = text.slice(from, to);
      const tokens = markdown.parse(tail, {});
      const open = openBlock(tokens, tail.split('\n').length - 1);
      html += markdown.renderer.render(tokens.slice(0, open.token), markdown.options, {});
      from += lineOffset(tail, open.line);
    }
    assert.equal(html + markdown.render(text.slice(from)), markdown.render(text), `pieces of ${size}`);
  }
});
