import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStudio } from './support/harness.ts';
import { chats } from './support/states.ts';

test('nobody signed in is not called connected, and a note higher than the view shows its headline', async t => {
  const studio = await openStudio();
  t.after(() => studio.close());
  const chat = await studio.open('chat', { width: 360, height: 240 });
  await chat.send({ type: 'snapshot', seq: 0, state: chats.welcome });
  const failure = { sentence: 'No tools', nextStep: 'Ask somebody. '.repeat(40), actions: [] };
  const operations = [
    { op: 'mode', mode: { kind: 'connected', agent: 'research-agent' } },
    { op: 'add', item: { kind: 'notice', id: 'n1', level: 'warning', failure } },
  ];
  await chat.send({ type: 'patch', seq: 1, operations });
  const headline = chat.page.getByText('No tools', { exact: true });
  await headline.waitFor();
  assert.match(await chat.page.locator('header').innerText(), /Not signed in\s+research-agent$/);
  const log = chat.page.getByRole('log', { name: 'Conversation' });
  const [view, line, note] = await Promise.all([
    log.boundingBox(),
    headline.boundingBox(),
    chat.page.locator('.notice').boundingBox(),
  ]);
  assert.ok(view && line && note && note.height > view.height, 'it does not fit');
  assert.ok(line.y >= view.y && line.y + line.height <= view.y + view.height, `${line.y} of ${view.y}`);
  assert.deepEqual(chat.complaints, []);
});
