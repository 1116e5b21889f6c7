import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import { headingsOf, read } from './markdown.ts';

describe('docs/sandbox.md', () => {
  let text: string;
  let sandbox: Sandbox;
  before(async () => {
    [text, sandbox] = await Promise.all([read('docs/sandbox.md'), startSandbox()]);
  });
  after(() => sandbox.close());

  /** What stands in back-ticks below a heading. */
  const named = (heading: string): string => {
    const body = headingsOf(text).find(candidate => candidate.text === heading)?.body ?? '';
    return [...body.matchAll(/`[^`]+`/g)].join('\n');
  };
  const assertNamed = (heading: string, words: Iterable<string>) => {
    const inTicks = named(heading);
    for (const word of words) assert.match(inTicks, new RegExp(`(?<!\\w)${word}(?!\\w)`), `${heading}: ${word}`);
  };

  it('names each field of the JSON', () => {
    const { connection } = sandbox;
    assertNamed('The JSON', [
      ...Object.keys(connection),
      ...Object.keys(connection.direct),
      ...Object.keys(connection.login),
    ]);
  });

  it('names each flag of the command line', async () => {
    const usage = /const USAGE = `([^`]+)`/.exec(await read('src/sandbox/main.ts'))?.[1] ?? '';
    const flags = [...usage.matchAll(/^ +(--[\w-]+)/gm)].map(match => match[1] ?? '');
    assert.ok(flags.includes('--json'));
    assertNamed('Start it', flags);
  });

  it('names each switch of the control endpoint', async () => {
    const { controlUrl, controlToken } = sandbox.connection;
    const response = await fetch(controlUrl, { headers: { authorization: `Bearer ${controlToken}` } });
    const panels = (await response.json()) as Record<string, Record<string, unknown>>;
    const switches = (panel: string) => Object.keys(panels[panel] ?? {});
    assertNamed('Control switches', [
      ...Object.keys(panels).map(name => `/${name}`),
      ...switches('clock'),
      ...switches('entra'),
      ...switches('sidecar'),
      ...(panels['kubernetes']?.['calls'] as string[]),
    ]);
  });
});
