import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toParameters } from '../../../src/mcp/schemas.ts';

type Json = Record<string, unknown>;

/** What OpenAI checks before it takes a function (its 400 "Invalid schema for function" messages). */
function assertAccepted(schema: Json): void {
  assert.equal(schema['type'], 'object');
  assert.equal(typeof schema['properties'], 'object');
  for (const word of ['anyOf', 'oneOf', 'allOf', 'enum', 'not', 'const', '$ref'])
    assert.ok(!(word in schema), `${word} at the top`);
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (typeof value !== 'object' || value === null) return;
    const node = value as Json;
    if (node['type'] === 'array') assert.equal(typeof node['items'], 'object', 'array without items');
    const ref = node['$ref'];
    if (typeof ref === 'string') {
      assert.match(ref, /^#\/\$defs\//);
      assert.ok((schema['$defs'] as Json)[ref.slice('#/$defs/'.length)], `dangling ${ref}`);
    }
    Object.values(node).forEach(visit);
  };
  visit(schema);
}

const adapt = (schema: Json): Json => {
  const before = structuredClone(schema);
  const adapted = toParameters(schema);
  assert.deepEqual(schema, before, 'the server’s schema is left alone');
  assertAccepted(adapted);
  return adapted;
};

describe('a tool’s schema for the model', () => {
  it('stays as it is when there is nothing to change', () => {
    const schema = {
      type: 'object',
      properties: { id: { type: 'string', description: 'the id' }, tags: { type: 'array', items: { type: 'string' } } },
      required: ['id'],
      additionalProperties: false,
    };
    assert.deepEqual(adapt(schema), schema);
  });

  it('is an object in any case', () => {
    for (const schema of [{}, { type: 'string' }, { type: ['object', 'null'] }, { $schema: 'x', properties: {} }])
      assert.deepEqual(adapt(schema), { type: 'object', properties: {} });
  });

  it('draws a choice at the top together and says what goes together', () => {
    const adapted = adapt({
      description: 'Finds.',
      properties: { limit: { type: 'integer' } },
      anyOf: [
        { properties: { id: { type: 'string' } }, required: ['id'] },
        {
          properties: { owner: { type: 'string' }, repo: { type: 'string' }, id: { type: 'number' } },
          required: ['owner', 'repo'],
        },
      ],
    });
    assert.deepEqual(adapted, {
      type: 'object',
      description: 'Finds. Give id, or owner and repo.',
      properties: {
        limit: { type: 'integer' },
        id: { anyOf: [{ type: 'string' }, { type: 'number' }] },
        owner: { type: 'string' },
        repo: { type: 'string' },
      },
    });
  });

  it('adds up allOf, keeps what every variant requires, and says the rest in words', () => {
    const adapted = adapt({
      allOf: [
        { properties: { a: { type: 'string' } }, required: ['a'] },
        {
          oneOf: [
            { properties: { b: {} }, required: ['b', 'c'] },
            { properties: { c: {} }, required: ['c'] },
          ],
        },
      ],
      not: { required: ['a', 'b'] },
    });
    assert.deepEqual(adapted['required'], ['a', 'c']);
    assert.deepEqual(Object.keys(adapted['properties'] as Json), ['a', 'b', 'c']);
    assert.match(String(adapted['description']), /limited by not: \{"required":\["a","b"\]\}/);
  });

  it('unfolds references, also at the top, and keeps what refers to itself', () => {
    const adapted = adapt({
      $ref: '#/definitions/Query',
      description: 'top',
      definitions: {
        Query: {
          type: 'object',
          properties: {
            filter: { $ref: '#/definitions/Filter' },
            at: { $ref: '#/definitions/a~1b', description: 'when' },
          },
        },
        Filter: { type: 'object', properties: { and: { type: 'array', items: { $ref: '#/definitions/Filter' } } } },
        'a/b': { type: 'string', description: 'other' },
      },
    });
    assert.deepEqual(adapted, {
      type: 'object',
      description: 'top',
      properties: {
        filter: { type: 'object', properties: { and: { type: 'array', items: { $ref: '#/$defs/Filter' } } } },
        at: { type: 'string', description: 'when' },
      },
      $defs: {
        Filter: { type: 'object', properties: { and: { type: 'array', items: { $ref: '#/$defs/Filter' } } } },
      },
    });
  });

  it('knows a schema that refers to its whole self, and references to nowhere', () => {
    const adapted = adapt({
      properties: {
        child: { $ref: '#' },
        gone: { $ref: '#/x/y' },
        far: { $ref: 'https://example.test/s', type: 'string' },
      },
    });
    const properties = adapted['properties'] as Record<string, Json>;
    assert.deepEqual(properties['child'], { $ref: '#/$defs/root' });
    assert.deepEqual(properties['gone'], { description: 'See #/x/y.' });
    assert.deepEqual(properties['far'], { type: 'string', description: 'See https://example.test/s.' });
  });

  it('mends what older drafts and careless generators write', () => {
    const adapted = adapt({
      type: 'object',
      id: 'urn:x',
      properties: {
        list: { type: 'array' },
        pair: { type: 'array', items: [{ type: 'string' }, { type: 'number' }] },
        age: { type: 'integer', minimum: 0, exclusiveMinimum: true, required: true },
        name: { type: 'any', description: 'free' },
        nested: { properties: { id: { type: 'string' } } },
        anything: true,
        nothing: false,
      },
      required: ['name', 5],
    });
    assert.deepEqual(adapted, {
      type: 'object',
      properties: {
        list: { type: 'array', items: {} },
        pair: { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'number' }] }, minItems: 2, maxItems: 2 },
        age: { type: 'integer', exclusiveMinimum: 0 },
        name: { description: 'free' },
        nested: { type: 'object', properties: { id: { type: 'string' } } },
        anything: {},
      },
      required: ['name', 'age'],
    });
  });

  it('does not unfold without end', () => {
    // Each level names the next twice: 2^40 nodes if all were unfolded.
    const $defs: Json = { L40: { type: 'string' } };
    for (let i = 0; i < 40; i++) {
      const next = { $ref: `#/$defs/L${i + 1}` };
      $defs[`L${i}`] = { type: 'object', properties: { a: next, b: next } };
    }
    const adapted = adapt({ $ref: '#/$defs/L0', $defs });
    assert.deepEqual(adapted['properties'], { a: { $ref: '#/$defs/L1' }, b: { $ref: '#/$defs/L1' } });
    assert.equal(Object.keys(adapted['$defs'] as Json).length, 40);

    const deep: Json = {};
    let at = deep;
    for (let i = 0; i < 20_000; i++) at = (at['properties'] = { x: {} as Json }).x;
    assert.equal(
      adapt({ type: 'object', properties: { x: { anyOf: Array.from({ length: 6_000 }, () => ({})) } } })['type'],
      'object',
    );
    assertAccepted(toParameters(deep));
  });
});
