import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../../scripts/host/processes.ts';
import { Chat } from './support/chat.ts';
import { lacks, startWorld, type World } from './support/world.ts';

const THEMES = ['light', 'highContrast', 'highContrastLight', 'dark'] as const;
const COPY = 'Copy for the Entra Admin';

describe('a failure that only an Entra admin can mend', { skip: lacks('controlUrl', 'llmModel') }, () => {
  let world: World;
  let chat: Chat;
  before(async () => {
    world = await startWorld({ name: 'admin-fix' });
    chat = new Chat(world.workbench);
  });
  after(() => world.close());

  const step = (name: string, run: () => Promise<void>) => void test(name, context => world.step(run)(context));
  const agent = () => world.connection.agents[0];
  /** The copied text stands alone: who, what, when, the number, and the call with the ids of this connection. */
  const copied = async () => {
    const { tenantId, users } = world.connection;
    const grant = `"clientId": "${agent()?.appId}"`;
    const text = await until(
      () => 'the fix in the clipboard',
      async () => {
        const found = await world.workbench.clipboard();
        return found.includes(grant) ? found : undefined;
      },
    );
    for (const part of [
      tenantId,
      users[0]?.upn ?? '',
      'AADSTS65001',
      'Correlation id: ',
      '"scope": "user_impersonation"',
    ])
      assert.ok(text.includes(part), `${part} in\n${text}`);
    assert.doesNotMatch(text, /eyJ[\w-]{10}/);
    await world.workbench.page.evaluate('navigator.clipboard.writeText("")');
  };

  step('says so in the notification, which copies the text for that admin', async () => {
    const { workbench } = world;
    await world.control('/entra', { consentMissing: [`${agent()?.deployment}/openai`] });
    await workbench.openContainer('Agent ID');
    await chat.click('Sign In');
    const modal = workbench.modal('Your code:');
    const code = /Your code: (\S+)/.exec(await modal.text())?.[1] ?? '';
    await (await workbench.popup(() => modal.click('Copy Code and Open Browser'))).close();
    await world.logIn(code, world.connection.users[0]?.upn);
    const toast = await workbench.toast('Nobody has consented').waitFor();
    assert.match(await toast.text(), /An Entra admin can fix this\./);
    await workbench.screenshot('notification');
    await toast.click(COPY);
    await copied();
  });

  step('says so at the step that failed, in the Identity view, where its row copies the same text', async () => {
    const row = (await world.workbench.view('Identity').open()).row('Token for the LLM');
    await row.waitFor();
    await world.workbench.screenshot('identity');
    await row.action('Copy the Fix');
    await copied();
  });

  step('says so in the chat, where the fix can be read and copied', async () => {
    await chat.ask('Hello.');
    const notice = (await chat.log()).getByRole('article').filter({ hasText: 'An Entra admin can fix this.' }).last();
    await notice.getByRole('button', { name: COPY }).click();
    await copied();
    await notice.getByText('The fix in full').click();
    await notice.getByText('POST https://graph.microsoft.com/v1.0/oauth2PermissionGrants').waitFor();
    for (const theme of THEMES) {
      await world.theme(theme);
      await world.workbench.screenshot(`chat-${theme}`);
    }
  });

  step('and is gone when the admin has done it', async () => {
    await world.control('/entra', { consentMissing: [] });
    await chat.ask('Hello again.');
    await chat.idle();
    await (
      await chat.log()
    )
      .getByRole('article')
      .filter({ hasText: /^Agent/ })
      .last()
      .waitFor();
  });
});
