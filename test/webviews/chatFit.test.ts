import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatOperation, ChatState } from '../../src/protocol/chat.ts';
import { chats, longChat, tool } from './support/states.ts';
import { viewTests } from './support/viewTests.ts';

const chat = viewTests<ChatState, ChatOperation>('chat');
const { open, patch } = chat;

test('nobody signed in is not called connected, and a note higher than the view shows its headline', async () => {
  await open(chats.welcome, { width: 360, height: 240 });
  const failure = { sentence: 'No tools', nextStep: 'Ask somebody. '.repeat(40), actions: [] };
  await patch(
    { op: 'mode', mode: { kind: 'connected', agent: 'research-agent' } },
    { op: 'add', item: { kind: 'notice', id: 'n1', level: 'warning', failure } },
  );
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
});

test('the answers to a call that is only begun to be seen do not lie over its name', async () => {
  await open(longChat(1), { width: 320, height: 520 });
  await patch(
    { op: 'add', item: tool('a', { name: 'first', status: 'waiting', receipt: undefined }) },
    { op: 'add', item: tool('b', { name: 'second', status: 'waiting', receipt: undefined }) },
  );
  const card = chat.page.getByRole('group', { name: 'Tool second' });
  const name = await card.locator('.tool-line').boundingBox();
  const answer = await card.getByRole('button', { name: 'Allow Once' }).boundingBox();
  assert.ok(answer!.y >= name!.y + name!.height, `${answer?.y} below ${name?.y} + ${name?.height}`);
});

test('arguments longer than the view scroll in the card, between its name and the answers', async () => {
  await open(chats.empty, { width: 300, height: 420 });
  const lines = Array.from({ length: 60 }, (_, n) => `"line ${n}"`).join(',\n');
  const call = { name: 'long', status: 'waiting', receipt: undefined, arguments: `[${lines}]` } as const;
  await patch({ op: 'add', item: tool('a', call) });
  const card = chat.page.getByRole('group', { name: 'Tool long' });
  const box = (await chat.page.getByRole('log').boundingBox())!;
  const inView = async (name: string) => {
    const { y, height } = (await card.getByRole('button', { name, exact: name !== 'long' }).boundingBox())!;
    return y >= box.y && y + height <= box.y + box.height;
  };
  for (const name of ['long', 'Allow Once', 'Allow in This Session', 'Reject…']) assert.ok(await inView(name), name);
  const details = card.locator('.tool-details');
  assert.ok((await details.boundingBox())!.height >= 80, 'some lines of them are seen at once');
  await card.getByRole('group', { name: 'Arguments' }).focus();
  const rest = '(box => box.scrollHeight - box.scrollTop - box.clientHeight)';
  const left = () => chat.page.evaluate<number>(`${rest}(document.querySelector('.tool-details'))`);
  for (let n = 0; n < 50 && (await left()) > 1; n++) await chat.page.keyboard.press('End'); // it may scroll smoothly
  assert.ok((await left()) <= 1, 'the last line');
  assert.ok(await inView('Allow Once'));
});
