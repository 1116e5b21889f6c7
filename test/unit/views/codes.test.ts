// No code is said that nothing can throw, or that no test has seen come out of the code that throws it.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { catalogueOf } from '../../../src/views/messages/index.ts';
import { Place } from '../../../src/views/messages/place.ts';
import { translate } from './support.ts';

/** Tests that take the codes from the catalogue, or make up failures to look at: they say nothing of where one comes from. */
const OF_WORDS = /^test\/(unit\/(docs|protocol|views\/(chat|codes|denial|inspector|messages|signInWays))|webviews)/;
const root = new URL('../../../', import.meta.url);

/** The code as a text by itself, but not where a test makes the error up. */
const expects = (source: string, code: string) =>
  source.replaceAll(/AgentIdError\(\s*'[^']*'/g, '').includes(`'${code}'`);

test('each code is expected of the code under test by some test', () => {
  const files = globSync('test/**/*.test.ts', { cwd: root }).map(file => file.replaceAll('\\', '/'));
  const sources = files.filter(file => !OF_WORDS.test(file)).map(file => readFileSync(new URL(file, root), 'utf8'));
  assert.ok(sources.length > 100);
  const codes = Object.keys(catalogueOf(translate, new Place(() => undefined)));
  assert.deepEqual(
    codes.filter(code => !sources.some(source => expects(source, code))),
    [],
  );
});
