import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { catalogueOf, sayer } from '../../../src/views/messages/index.ts';
import type { Fixer } from '../../../src/protocol/common.ts';
import type { Translate } from '../../../src/views/messages/catalogue.ts';
import { Place } from '../../../src/views/messages/place.ts';
import { headingsOf, read, type Heading } from './markdown.ts';

const english: Translate = (message, ...args) =>
  message.replace(/\{(\d)\}/g, (_all, index: string) => String(args[Number(index)]));
const catalogue = catalogueOf(english, new Place(() => undefined));
/** How the document names who can mend it; the first of several is the one that the message names. */
const WHO: Record<Fixer, RegExp> = {
  you: /^you\b/,
  entraAdmin: /^an Entra admin\b/,
  azureAdmin: /^an Azure admin\b/,
  clusterAdmin: /^a cluster admin\b/,
  network: /^whoever runs the network\b/,
  serverOwner: /^whoever runs the server\b/,
};
const codes = Object.keys(catalogue);

/** What a person reads for a code, with the name of each value in braces. */
function sentenceOf(code: string): string {
  const names = new Set<string>();
  catalogue[code]?.(name => (names.add(name), name));
  const args = Object.fromEntries([...names].map(name => [name, `{${name}}`]));
  return sayer(english)(new AgentIdError(code, args)).sentence;
}

describe('docs/troubleshooting.md', () => {
  let entries: Heading[];
  before(async () => {
    const headings = headingsOf(await read('docs/troubleshooting.md'));
    entries = headings.filter(({ text }) => text === 'cancelled' || /^[a-zA-Z]+\.\w+$/.test(text));
  });

  it('has exactly one entry for each code', () => {
    const texts = entries.map(({ text }) => text);
    assert.deepEqual(texts.toSorted(), codes.toSorted());
  });

  it('makes each code an anchor', () => {
    for (const { text, anchors, level } of entries) {
      assert.ok(anchors.includes(text), `### <a id="${text}"></a>${text}`);
      assert.equal(level, 3, text);
    }
  });

  it('quotes the sentences that people see', () => {
    for (const { text, body } of entries) {
      const quoted = /^> (.+)$/m.exec(body)?.[1];
      assert.equal(quoted, sentenceOf(text), text);
    }
  });

  it('says of each why it happens, what mends it, and who can do that', () => {
    for (const { text, body } of entries)
      assert.match(body, /\n\n> .+\n\n\S[^]*\n- \*\*Why\*\*: \S[^]*\n- \*\*Fix\*\*:\s+\S[^]*\n- \*\*Who\*\*: \S/, text);
  });

  it('names the same person as the message does', () => {
    for (const { text, body } of entries) {
      const { who } = catalogue[text]?.(name => name) ?? {};
      const said = /- \*\*Who\*\*: (.+)/.exec(body)?.[1] ?? '';
      assert.match(said, who ? WHO[who] : /^(you|nobody)\b/, text);
    }
  });
});
