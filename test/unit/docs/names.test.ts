import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import * as v from 'valibot';
import { read, root } from './markdown.ts';

const Manifest = v.object({
  scripts: v.record(v.string(), v.string()),
  contributes: v.object({
    commands: v.array(v.object({ command: v.string(), title: v.string() })),
    configuration: v.object({ properties: v.record(v.string(), v.unknown()) }),
  }),
});

describe('what the documents name', () => {
  let manifest: v.InferOutput<typeof Manifest>;
  let titles: string[];
  let documents: { name: string; text: string }[];
  before(async () => {
    manifest = v.parse(Manifest, JSON.parse(await read('package.json')));
    const words = v.parse(v.record(v.string(), v.string()), JSON.parse(await read('package.nls.json')));
    titles = manifest.contributes.commands.map(({ title }) => words[title.replaceAll('%', '')] ?? title);
    const names = globSync(['*.md', 'docs/**/*.md', 'k8s/**/*.md'], { cwd: root });
    documents = await Promise.all(names.map(async name => ({ name, text: await read(name) })));
  });
  const each = (pattern: RegExp, check: (found: string, where: string) => void) => {
    for (const { name, text } of documents) for (const match of text.matchAll(pattern)) check(match[1] ?? '', name);
  };

  it('are commands that there are', () => {
    each(/\*\*Agent ID: ([^*]+)\*\*/g, (title, where) => assert.ok(titles.includes(title), `${where}: ${title}`));
  });

  it('are settings that there are', () => {
    const known = Object.keys(manifest.contributes.configuration.properties);
    each(/`"?(agentId\.[\w.]+)/g, (setting, where) => assert.ok(known.includes(setting), `${where}: ${setting}`));
  });

  it('are scripts that there are', () => {
    each(/npm run (\w[\w:-]*)/g, (script, where) => assert.ok(script in manifest.scripts, `${where}: ${script}`));
  });
});
