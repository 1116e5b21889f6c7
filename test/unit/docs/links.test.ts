import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { globSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { headingsOf, read, root, withoutCode } from './markdown.ts';

const documents = globSync(['*.md', 'docs/**/*.md', 'k8s/**/*.md'], { cwd: root }).sort();

/** Targets of links and images that lead into the project. */
function linksOf(markdown: string): string[] {
  const prose = withoutCode(markdown).replace(/`[^`\n]+`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(match => match[1] ?? '').filter(link => !/^\w+:/.test(link));
}

for (const document of documents)
  test(`links of ${document} lead somewhere`, async () => {
    for (const link of linksOf(await read(document))) {
      const [file = '', anchor] = link.split('#');
      const target = file ? path.join(path.dirname(document), file) : document;
      await assert.doesNotReject(access(path.join(root, target)), `${link}: there is no ${target}`);
      if (anchor === undefined || !target.endsWith('.md')) continue;
      const anchors = headingsOf(await read(target)).flatMap(heading => heading.anchors);
      assert.ok(anchors.includes(anchor), `${link}: ${target} has no such heading`);
    }
  });
