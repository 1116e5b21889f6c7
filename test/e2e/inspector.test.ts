import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { after, before, describe, test } from 'node:test';
import { until } from '../../scripts/host/processes.ts';
import { Chat } from './support/chat.ts';
import { lacks, startWorld, type World } from './support/world.ts';

const THEMES = ['light', 'highContrast', 'highContrastLight', 'dark'] as const;
/** Time for tokens to be made anew and judged, in milliseconds. */
const ANEW = { timeout: 40_000 };

const jwt = (header: object, claims: object, signature = '') =>
  [header, claims]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat(signature)
    .join('.');

/** A token that nobody signed, as it might stand in a log. */
const PASTED = jwt(
  { alg: 'none', typ: 'JWT' },
  { aud: 'api://somewhere', iss: 'https://issuer.example/', marker: 'pasted-here' },
);

/** Payloads of real tokens, and what the inspector says of each when somebody else has signed it. */
const VERDICTS = [
  { name: 'forged', payload: 't2-mcp-v1', header: {}, says: /The signature is not the tenant’s/ },
  { name: 'graph', payload: 't2-graph-v1', header: { nonce: 'n' }, says: /Not verifiable by design/ },
  {
    name: 'autonomous',
    payload: 't2-autonomous-v1',
    header: { kid: 'x' },
    says: /Agent on its own behalf[^]*Not checked/,
  },
  { name: 'agent-user', payload: 'agent-user-v1', header: { kid: 'x' }, says: /Agent through its own user account/ },
];

describe('the token inspector', { skip: lacks('controlUrl', 'mcp', 'llmModel', 'mcpAppId', 'secondAgent') }, () => {
  let world: World;
  before(async () => {
    world = await startWorld({ name: 'inspector' });
  });
  after(() => world.close());

  const step = (name: string, run: () => Promise<void>) => void test(name, context => world.step(run)(context));
  const inspector = () => world.workbench.webview('inspector');
  const region = async (token: string) =>
    (await inspector()).getByRole('region', { name: `${token} claims`, exact: true });
  const route = async (title: RegExp) => (await inspector()).getByRole('article', { name: title });
  /** Waits for the gateway's verdict on a route, and returns everything that is said of it. */
  const verdict = async (title: RegExp, outcome: 'Admitted' | 'Refused') => {
    const article = await route(title);
    await article.locator('.route-title').getByText(outcome).waitFor(ANEW);
    return article.innerText();
  };
  const rowStatus = async (token: string, status: string) => {
    const table = (await inspector()).getByRole('table', { name: 'Tokens' });
    await table.getByRole('row').filter({ hasText: token }).getByText(status, { exact: true }).waitFor(ANEW);
  };
  const select = async (agent: string) => {
    await world.workbench.command('Agent ID: Select Agent');
    await world.workbench.quickInput.pick(agent, 'ServiceAccount');
    await world.workbench.statusBar(`${agent} for `).waitFor(ANEW);
  };
  /** Lets Entra make tokens another way, and asks for new ones. */
  const remake = async (switches: object) => {
    await world.control('/entra', switches);
    await (await inspector()).getByRole('button', { name: 'Refresh' }).click();
  };
  /** A picture of a part of the page, brought to the top. */
  const picture = async (name: string, heading: string) => {
    await (
      await inspector()
    )
      .getByRole('heading', { name: heading })
      .last()
      .evaluate((node: unknown) => (node as { scrollIntoView(): void }).scrollIntoView());
    await world.workbench.screenshot(`inspector-${name}`);
  };

  step('shows tokens that were signed by the tenant and are let in, in every theme', async () => {
    const { workbench, connection } = world;
    const chat = new Chat(workbench);
    await workbench.openContainer('Agent ID');
    await chat.click('Sign In');
    const modal = workbench.modal('Your code:');
    const code = /Your code: (\S+)/.exec(await modal.text())?.[1] ?? '';
    await (await workbench.popup(() => modal.click('Copy Code and Open Browser'))).close();
    await world.logIn(code, connection.users[0]?.upn);
    await workbench.statusBar(`for ${connection.users[0]?.upn}`).waitFor(ANEW);
    await workbench.command('Agent ID: Show Tokens');
    assert.match(await verdict(/^Model/, 'Admitted'), /Rules \(authorization\)|Token \(jwtAuth\)/);
    assert.match(await verdict(/^MCP/, 'Admitted'), /hide one tool[\s\S]*Hidden\s+crawling_exa/);
    for (const token of ['User token (Tc)', 'T2 (Azure OpenAI)', 'T2 (MCP)']) {
      await rowStatus(token, 'OK');
      const checks = await (await region(token)).getByRole('list', { name: `Checks of ${token}` }).innerText();
      assert.match(checks, /OK\s+Signature\s+Signed by the tenant/);
      assert.doesNotMatch(checks, /Wrong/);
    }
    for (const theme of THEMES) {
      await world.theme(theme);
      await picture(`admitted-${theme}`, 'How the tokens follow from each other');
      await picture(`verdict-${theme}`, 'Would the gateway let it in?');
      await picture(`claims-${theme}`, 'T2 (MCP)');
    }
  });

  step('another agent is refused, and the clause that does it is named with its claim', async () => {
    const { agents } = world.connection;
    await select(agents[1]?.deployment ?? '');
    const said = await verdict(/^MCP/, 'Refused');
    assert.match(said, new RegExp(`Fails\\s+jwt\\.appid[\\s\\S]*In the token:\\s+appid = ${agents[1]?.appId}`));
    assert.match(said, /What would mend it/);
    await picture('refused-agent', 'Would the gateway let it in?');
    await select(agents[0]?.deployment ?? '');
    await verdict(/^MCP/, 'Admitted');
  });

  step('without the agent’s claims the kind is inferred, and the Graph call that mends it is at hand', async () => {
    await remake({ agentClaims: false });
    const said = await verdict(/^MCP/, 'Refused');
    assert.match(said, /xms_act_fct is absent/);
    assert.match(said, /PATCH https:\/\/graph\.microsoft\.com\/v1\.0\/applications/);
    assert.match(await (await region('T2 (MCP)')).innerText(), /Agent on behalf of a user\s+Inferred/);
    await (await route(/^MCP/)).getByRole('button', { name: 'Copy this text' }).first().click();
    await until(
      () => 'the Graph call in the clipboard',
      async () => (await world.workbench.clipboard()).includes('optionalClaims') || undefined,
    );
    await picture('no-agent-claims', 'Would the gateway let it in?');
    await remake({ agentClaims: true });
    await verdict(/^MCP/, 'Admitted');
  });

  step('a token of the other version is refused with what the gateway expects', async () => {
    await remake({ tokenVersion: { blueprint: 2, mcp: 2 } });
    await (await region('T2 (MCP)')).getByText('v2.0 token').waitFor(ANEW);
    assert.match(await verdict(/^MCP/, 'Refused'), /issuer is .*v2\.0; the gateway expects/);
    await picture('v2', 'Would the gateway let it in?');
    await remake({ tokenVersion: { blueprint: 2, mcp: 1 } });
    await verdict(/^MCP/, 'Admitted');
  });

  step('a token that ends is shown as ended', async () => {
    await remake({ tokenLifetime: 20 });
    const table = (await inspector()).getByRole('table', { name: 'Tokens' });
    await table
      .getByRole('row')
      .filter({ hasText: 'T2 (MCP)' })
      .getByText(/^\d+ s left$/)
      .waitFor(ANEW);
    await world.control('/entra', { down: true }); // else the tools' connection renews them in time
    await rowStatus('T2 (MCP)', 'Expired');
    const checks = (await region('T2 (MCP)')).getByRole('list', { name: 'Checks of T2 (MCP)' });
    await checks.getByText(/^Expired at/).waitFor(ANEW);
    await picture('expired', 'How the tokens follow from each other');
    await remake({ tokenLifetime: null, down: false });
    await rowStatus('T2 (MCP)', 'OK');
  });

  step('a pasted token is read offline in a row of its own, which can be removed', async () => {
    const { workbench } = world;
    await (await inspector()).getByRole('button', { name: 'Inspect Pasted Token…' }).click();
    await workbench.quickInput.field.fill('no token at all');
    await workbench.quickInput.waitFor('no JSON Web Token');
    assert.equal(await workbench.quickInput.field.getAttribute('type'), 'password');
    await workbench.quickInput.enter(`Authorization: Bearer ${PASTED}`);
    const pasted = await region('Pasted token 1');
    await pasted.waitFor();
    assert.match(await pasted.innerText(), /Wrong\s+Signature\s+The algorithm “none” proves nothing[\s\S]*pasted-here/);
    assert.equal((await (await inspector()).content()).includes(PASTED.slice(0, 60)), false);
    await workbench.screenshot('inspector-pasted');
    await pasted.getByRole('button', { name: 'Remove' }).click();
    await pasted.waitFor({ state: 'detached' });
  });

  step(
    'says of each kind of token what it is, and of none that it is good without a look at its signature',
    async () => {
      const { workbench, connection } = world;
      const kid = await signingKey(connection.authority, connection.caFile);
      for (const [index, { name, payload, header, says }] of VERDICTS.entries()) {
        const file = new URL(`../fixtures/tokens/${payload}.json`, import.meta.url);
        const claims = {
          ...(JSON.parse(readFileSync(file, 'utf8')) as object),
          exp: Math.floor(Date.now() / 1000) + 900,
        };
        await (await inspector()).getByRole('button', { name: 'Inspect Pasted Token…' }).click();
        await workbench.quickInput.enter(jwt({ alg: 'RS256', kid, ...header }, claims, 'AAAA'));
        const label = `Pasted token ${index + 2}`;
        const pasted = await region(label);
        await pasted.waitFor();
        assert.match(await pasted.innerText(), says);
        await rowStatus(label, 'Not verified');
        await workbench.screenshot(`inspector-${name}`);
        await pasted.getByRole('button', { name: 'Remove' }).click();
        await pasted.waitFor({ state: 'detached' });
      }
    },
  );

  step('comes back after a reload of the window, with tokens that were nowhere kept', async () => {
    const { workbench } = world;
    await workbench.reload();
    await workbench.tab('Token Inspector').click();
    await rowStatus('T2 (MCP)', 'OK');
    await verdict(/^MCP/, 'Admitted');
    assert.doesNotMatch(await (await inspector()).locator('body').innerText(), /eyJ/);
  });

  step('the export is a document with claims and verdicts, and without tokens', async () => {
    const { workbench } = world;
    await (await inspector()).getByRole('button', { name: 'Export…' }).click();
    await workbench.tab(/Untitled/).waitFor();
    const text = await until(
      () => 'the exported text',
      async () => {
        const lines = (await workbench.editorLines()).join('\n');
        return lines.includes('agent-id token export') ? lines : undefined;
      },
    );
    assert.match(text, /signature\.valid/);
    assert.doesNotMatch(text, /eyJ/);
    await workbench.screenshot('inspector-export');
  });
});

/** Id of a key by which the tenant signs, as anybody can read it. */
async function signingKey(authority: string, caFile: string | null | undefined): Promise<string> {
  const ca = caFile ? readFileSync(caFile) : undefined;
  const text = await new Promise<string>((resolve, reject) => {
    const request = https.get(`${authority}/discovery/v2.0/keys`, { ...(ca && { ca }) }, response => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      response.on('end', () => resolve(body)).on('error', reject);
    });
    request.on('error', reject);
  });
  const { keys } = JSON.parse(text) as { keys: { kid: string }[] };
  assert.ok(keys[0]);
  return keys[0].kid;
}
