import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CHECKS } from '../../src/doctor/report.ts';
import { checkTitle } from '../../src/views/messages/doctorWords.ts';
import { until } from '../../scripts/host/processes.ts';
import { QuickInput } from './support/quickInput.ts';
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

  /** Pictures of the page in each kind of theme. */
  const pictures = async (state: string) => {
    for (const theme of ['light', 'highContrastLight', 'highContrast', 'dark'] as const) {
      await world.theme(theme);
      await world.workbench.screenshot(`doctor-${state}-${theme}`);
    }
  };
  const english = (text: string) => text;
  /** Every step has passed; only the cluster's issuer is not for a developer to read. */
  const allWell = async () => {
    const text = await ended();
    assert.match(text, /Nothing failed; 1 could not be looked at\./);
    for (const id of CHECKS) {
      const said = await (await row(checkTitle(english, id))).innerText();
      assert.match(
        said,
        id === 'federation' ? /Could not be looked at[^]*may not read/ : /Passed(?!, with a remark)/,
        id,
      );
    }
  };

  step('asks to sign in as Connect does, and every step passes', async () => {
    const { workbench } = world;
    await workbench.statusBar(/not signed in/).waitFor();
    await workbench.command('Agent ID: Run Doctor');
    const modal = workbench.modal('Your code:');
    const code = /Your code: (\S+)/.exec(await modal.text())?.[1] ?? '';
    const opened = await workbench.popup(() => modal.click('Copy Code and Open Browser'));
    await opened.close();
    await world.logIn(code);
    await allWell();
    await pictures('well');
  });

  step('the connection goes on with that sign-in, and the next run asks nobody', async () => {
    const { workbench } = world;
    await workbench.statusBar(`for ${world.connection.users[0]?.upn}`).waitFor();
    await (await page()).getByRole('button', { name: 'Run Again' }).click();
    await allWell();
  });

  step('a failure has its fix, and what depends on it is not checked', async () => {
    await world.control('/kubernetes', { do: 'setPodFault', args: ['research-agent', 'ImagePullBackOff'] });
    await (await page()).getByRole('button', { name: 'Run Again' }).click();
    await (await row('Pod of the agent is ready')).getByText('can’t be pulled').first().waitFor({ timeout: 30_000 });
    assert.match(await ended(), /\b[1-9]\d* failed/);
    const pod = await row('Pod of the agent is ready');
    await pod.getByRole('button', { name: 'Copy for the Cluster Admin' }).click();
    await until(
      () => 'the fix in the clipboard',
      async () => (await world.workbench.clipboard()).includes('kubectl describe pod') || undefined,
    );
    assert.match(await (await row('Tunnel to the sidecar')).innerText(), /It needs “Pod of the agent is ready”/);
    await pictures('failure');
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
    await token.scrollIntoViewIfNeeded();
    await pictures('waiting');
    await world.control('/entra', { consentMissing: [] });
    await token.getByRole('button', { name: 'Try Now: Token for MCP' }).click();
    await allWell();
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
    const toast = world.workbench.toast('Read the support bundle before you send it');
    await world.workbench.screenshot('doctor-bundle');
    await toast.click('Copy');
    await until(
      () => 'the bundle in the clipboard',
      async () => (await world.workbench.clipboard()).includes('Support bundle of Agent ID') || undefined,
    );
    await world.workbench.tab('Doctor').click();
    await (await page()).getByRole('button', { name: 'Support Bundle…' }).click();
    await toast.click('Save…');
    const dialog = new QuickInput(world.page);
    const file = path.join(world.workspace, 'bundle.json');
    await dialog.box.locator('input').first().fill(file);
    await world.workbench.screenshot('doctor-bundle-save');
    await dialog.box.getByRole('button', { name: 'OK' }).click();
    const saved = await until(
      () => 'the bundle in a file',
      async () => (existsSync(file) ? readFileSync(file, 'utf8') : undefined) || undefined,
    );
    assert.match(saved, /Support bundle of Agent ID/);
  });
});
