import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { doctors } from './support/doctorStates.ts';
import { openStudio, type View, type Webview } from './support/harness.ts';
import { inspectors } from './support/inspectorStates.ts';
import { chats, longChat } from './support/states.ts';
import { type ThemeName, themes } from './support/themes.ts';

let studio: Awaited<ReturnType<typeof openStudio>>;
before(async () => void (studio = await openStudio()));
after(() => studio.close());

const pages: { view: View; name: string; state: unknown }[] = [
  ...Object.entries({ ...chats, long: longChat(3) }).map(([name, state]) => ({ view: 'chat' as const, name, state })),
  ...Object.entries(inspectors(Date.now())).map(([name, state]) => ({ view: 'inspector' as const, name, state })),
  ...Object.entries(doctors(Date.now())).map(([name, state]) => ({ view: 'doctor' as const, name, state })),
];

/** What axe finds, as one line per element, so that a failure can be read; `rules` leaves only some of them. */
async function problems({ page }: Webview, rules?: string[]): Promise<string[]> {
  const axe = new AxeBuilder({ page });
  const { violations } = await (rules ? axe.withRules(rules) : axe).analyze();
  return violations.flatMap(violation =>
    violation.nodes.map(node => `${violation.id}: ${node.html.slice(0, 120)} ${node.any[0]?.message ?? ''}`),
  );
}

for (const { view, name, state } of pages)
  test(`${view}, ${name}: no accessibility problem in any theme, opened or closed, and nothing cut off`, async () => {
    const webview = await studio.open(view, { width: view === 'chat' ? 400 : 1100 });
    await webview.send({ type: 'snapshot', seq: 0, now: Date.now(), state });
    assert.deepEqual(await problems(webview), []);
    await webview.page.evaluate(
      "for (const line of document.querySelectorAll('.tool-line[aria-expanded=false], summary')) line.click()",
    );
    assert.deepEqual(await problems(webview), [], 'opened');
    for (const theme of Object.keys(themes) as ThemeName[]) {
      await webview.theme(theme);
      assert.deepEqual(await problems(webview, ['color-contrast']), [], theme);
    }
    // The narrowest side bar, which is also one of twice that width at 200 %.
    await webview.page.setViewportSize({ width: 300, height: 640 });
    const cut = await webview.page.evaluate<string[]>(`[...document.querySelectorAll('body *')]
      .filter(element => !element.closest('.table-box, .screen-reader-only, pre, svg'))
      .filter(element => element.getBoundingClientRect().right > innerWidth + 0.5)
      .map(element => element.outerHTML.slice(0, 120))`);
    assert.deepEqual(cut, []);
    await webview.close();
  });
