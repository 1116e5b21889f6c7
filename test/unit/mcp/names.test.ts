import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { groupByTarget, MODEL_NAME, modelNames, type Nameable } from '../../../src/mcp/names.ts';

const gateway = (tool: string): Nameable => ({ serverId: 'gateway:/mcp', slug: 'gateway-mcp', kind: 'gateway', tool });
const direct = (tool: string, slug = 'notes'): Nameable => ({ serverId: `direct:${slug}`, slug, kind: 'direct', tool });

describe('names for the model', () => {
  it('keep the gateway’s own names and put the slug before those of other servers', () => {
    assert.deepEqual(
      modelNames([gateway('microsoft_microsoft_docs_search'), gateway('exa-ai_web_search_exa'), direct('add')]),
      ['microsoft_microsoft_docs_search', 'exa-ai_web_search_exa', 'notes__add'],
    );
  });

  it('differ where only forbidden characters differ, and are cut where they are too long', () => {
    const names = modelNames([
      direct('a.b'),
      direct('a:b'),
      direct('a_b'),
      direct('ü'.repeat(80)),
      direct('x'.repeat(80)),
    ]);
    assert.equal(new Set(names).size, 5);
    assert.equal(names[2], 'notes__a_b');
    assert.match(names[0]!, /^notes__a_b_[0-9a-f]{8}$/);
    for (const name of names) assert.match(name, MODEL_NAME);
  });

  it('let no added server take a name away from the gateway', () => {
    const [first, second] = modelNames([direct('add'), gateway('notes__add')]);
    assert.equal(second, 'notes__add');
    assert.match(first!, /^notes__add_[0-9a-f]{8}$/);
  });

  it('are unique, valid and independent of order and of other servers, for anything', () => {
    let seed = 42;
    const pick = (count: number) => (seed = (seed * 48271) % 2147483647) % count;
    const alphabet = ['a', 'b', '_', '-', '.', ':', ' ', 'é', '/', 'A', '_a'];
    const word = () =>
      Array.from({ length: 1 + pick(pick(5) ? 4 : 90) }, () => alphabet[pick(alphabet.length)]).join('');
    for (let round = 0; round < 60; round++) {
      const pool = new Map<string, Nameable>();
      for (let i = 0; i < 60; i++) {
        const item = pick(2) ? gateway(word()) : direct(word(), ['notes', 'a', 'b-2'][pick(3)]);
        pool.set(JSON.stringify(item), item);
      }
      const tools = [...pool.values()];
      const names = modelNames(tools);
      assert.equal(new Set(names).size, tools.length);
      for (const name of names) assert.match(name, MODEL_NAME);
      const shuffled = [...tools].sort(() => pick(3) - 1);
      const again = new Map(modelNames(shuffled).map((name, index) => [shuffled[index], name]));
      tools.forEach((tool, index) => assert.equal(again.get(tool), names[index]));
      // The gateway's names do not depend on who else is there.
      const mine = tools.filter(tool => tool.kind === 'gateway');
      assert.deepEqual(
        modelNames(mine),
        names.filter((_name, index) => tools[index]!.kind === 'gateway'),
      );
    }
  });
});

describe('a multiplexed list', () => {
  const tool = (name: string) => ({ name, description: '', inputSchema: {} });
  it('is grouped by target, also where a target is silent or a name has no prefix', () => {
    const tools = ['exa-ai_web_search_exa', 'microsoft_docs_search', 'plain', '_odd', 'exa-ai_x_y'].map(tool);
    assert.deepEqual(
      groupByTarget(tools, ['microsoft', 'exa-ai', 'down']).map(({ target, tools: own }) => [
        target,
        own.map(t => t.name),
      ]),
      [
        ['microsoft', ['docs_search']],
        ['exa-ai', ['web_search_exa', 'x_y']],
        ['down', []],
        ['other', ['plain', '_odd']],
      ],
    );
  });

  it('of one target has no prefixes', () => {
    const [group] = groupByTarget([tool('one_two')], ['one']);
    assert.deepEqual(
      group!.tools.map(({ name }) => name),
      ['one_two'],
    );
  });
});
