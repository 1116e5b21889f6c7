import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../../scripts/host/processes.ts';
import { lacks, startWorld, type World } from './support/world.ts';

describe('the Doctor', { skip: lacks('controlUrl', 'llmModel', 'mcpAppId') }, () => {
  let world: World;
  before(async () => {
    world = await startWorld({ name: 'doctor' });
  });
  after(() => world.close());

  const step = (name: string, run: () => Promise<void>) => void test(name, context => world.step(run)(context));
  const page = () => world.workbench.webview('doctor');
  const row = async (title: string) => {
    const frame = await page();
    return frame.getByRole('listitem').filter({ has: frame.getByRole('heading', { name: title, exact: true }) });
  };
  const ended = async () => {
    await (await page()).getByRole('button', { name: 'Support Bundle…' }).waitFor({ timeout: 60_000 });
    return (await page()).locator('header').innerText();
  };

  step('asks to sign in as Connect does, and finds nothing wrong', async () => {
    const { workbench } = world;
    await workbench.statusBar(/not signed in/).waitFor();
    await workbench.command('Agent ID: Run Doctor');
    const modal = workbench.modal('Your code:');
    const code = /Your code: (\S+)/.exec(await modal.text())?.[1] ?? '';
    const opened = await workbench.popup(() => modal.click('Copy Code and Open Browser'));
    await opened.close();
    await world.logIn(code);
    assert.match(await ended(), /Nothing failed/);
    assert.match(await (await row('Tools are listed')).innerText(), /Passed/);
    await workbench.screenshot('doctor-well');
  });

  step('a failure has its fix, and what depends on it is not checked', async () => {
    await world.control('/kubernetes', { do: 'setPodFault', args: ['research-agent', 'ImagePullBackOff'] });
    await (await page()).getByRole('button', { name: 'Run Again' }).click();
    await (await row('Pod of the agent is ready')).getByText('can’t be pulled').first().waitFor({ timeout: 30_000 });
    assert.match(await ended(), /failed/);
    const pod = await row('Pod of the agent is ready');
    await pod.getByRole('button', { name: 'Copy for the Cluster Admin' }).click();
    await until(
      () => 'the fix in the clipboard',
      async () => (await world.workbench.clipboard()).includes('kubectl describe pod') || undefined,
    );
    assert.match(await (await row('Tunnel to the sidecar')).innerText(), /it needs “Pod of the agent is ready”/);
    for (const theme of ['light', 'highContrast', 'dark'] as const) {
      await world.theme(theme);
      await world.workbench.screenshot(`doctor-failure-${theme}`);
    }
  });

  step('missing consent is waited for, and goes on when it is there', async () => {
    await world.control('/reset', {});
    await world.control('/entra', { consentMissing: ['research-agent/mcp'] });
    await (await page()).getByRole('button', { name: 'Run Again' }).click();
    const token = await row('Token for MCP');
    await token
      .getByText(/Next try/)
      .first()
      .waitFor({ timeout: 30_000 });
    await world.workbench.screenshot('doctor-waiting');
    await world.control('/entra', { consentMissing: [] });
    await token.getByRole('button', { name: 'Try Now: Token for MCP' }).click();
    assert.match(await ended(), /Nothing failed/);
  });

  step('the support bundle opens as a document, without tokens and names of users', async () => {
    await (await page()).getByRole('button', { name: 'Support Bundle…' }).click();
    const text = await until(
      () => 'the bundle',
      async () => {
        const lines = (await world.workbench.editorLines()).join('\n');
        return lines.includes('Support bundle') ? lines : undefined;
      },
    );
    assert.doesNotMatch(text, /eyJ[\w-]{8,}\./);
    assert.ok(!text.includes(world.connection.users[0]?.upn ?? ''));
    await world.workbench.screenshot('doctor-bundle');
  });
});
