/**
 * Takes pictures of both views in every theme and at several widths, to be looked at:
 * `node scripts/run.mjs webviews-preview DIRECTORY [part of a name]`.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { openStudio } from '../test/webviews/support/harness.ts';
import { inspectors } from '../test/webviews/support/inspectorStates.ts';
import { chats } from '../test/webviews/support/states.ts';
import { type ThemeName, themes } from '../test/webviews/support/themes.ts';

const [directory = 'out/preview', wanted = ''] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });
const studio = await openStudio();
const names = Object.keys(themes) as ThemeName[];

async function picture(name: string, view: 'chat' | 'inspector', width: number, state: unknown): Promise<void> {
  const height = view === 'chat' ? 900 : 2600;
  for (const theme of names) {
    const file = `${view}-${name}-${width}-${theme}`;
    if (!file.includes(wanted)) continue;
    const webview = await studio.open(view, { width, height, theme });
    await webview.send({ type: 'snapshot', seq: 0, now: Date.now(), state });
    await webview.page.screenshot({ path: path.join(directory, `${file}.png`) });
    if (webview.complaints.length > 0) console.log(file, webview.complaints);
    await webview.close();
  }
}

for (const [name, state] of Object.entries(chats))
  for (const width of [400, 320]) await picture(name, 'chat', width, state);
for (const [name, state] of Object.entries(inspectors(Date.now())))
  for (const width of [1100, 320]) await picture(name, 'inspector', width, state);
await studio.close();
