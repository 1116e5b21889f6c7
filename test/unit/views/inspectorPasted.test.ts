import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture } from '../identity/support.ts';
import { check, connectionWith, good, jwt, open, young } from './inspectorSupport.ts';

test('a pasted token that nobody signed is not verified, and let in nowhere', async context => {
  const inspector = await open(context, connectionWith(good()));
  const raw = young('t2-mcp-v1');
  await inspector.paste(raw);
  await inspector.paste(raw.replace(/[^.]*$/, 'AAAA'));
  await inspector.paste(young('t2-mcp-v1', { alg: 'RS256', kid: 'k9' }));
  const of = (id: string) => [
    inspector.row(id).status.kind,
    inspector.state().analysis.routes.find(route => route.id === `${id} /mcp`)?.outcome,
  ];
  assert.deepEqual(of('pasted-1'), ['ok', 'admitted']);
  assert.deepEqual(of('pasted-2'), ['unverified', 'refused']);
  assert.deepEqual(of('pasted-3'), ['unverified', 'unknown'], 'no key is here to look with');
});

test('a pasted token is judged on the route that its audience is for', async context => {
  const inspector = await open(context, connectionWith(good()));
  await inspector.paste(young('t2-openai-v1'));
  const routes = inspector.state().analysis.routes.map(({ id }) => id);
  assert.deepEqual(
    routes.filter(id => id.startsWith('pasted')),
    ['pasted-1 /llm'],
  );
});

test('a pasted token for none of them is judged on every route; without the gateway’s file the reason is said', async context => {
  const connection = connectionWith(good());
  const inspector = await open(context, connection);
  await inspector.paste(young('t2-autonomous-v1'));
  const { routes } = inspector.state().analysis;
  assert.deepEqual(
    routes.map(({ id }) => id),
    ['llm /llm', 'mcp /mcp', 'pasted-1 /llm', 'pasted-1 /mcp'],
  );
  assert.match(routes[2]?.sentence ?? '', /401.*InvalidAudience/);
  delete connection.configuration.gatewayFile;
  inspector.tell({ type: 'refresh' });
  await inspector.settled();
  assert.deepEqual(inspector.state().analysis.routes, []);
  assert.match(inspector.state().analysis.noRoutes ?? '', /was not found/);
});

test('a pasted token is a row of its own without its raw text, survives another connection, and can be removed', async context => {
  const inspector = await open(context);
  const raw = young('t2-autonomous-v1');
  await inspector.paste(`Authorization: Bearer ${raw}`);
  assert.deepEqual(inspector.posted.at(-1), { type: 'goTo', token: 'pasted-1' });
  const row = inspector.row('pasted-1');
  assert.deepEqual([row.label, row.pasted, row.status.kind], ['Pasted token 1', true, 'unverified']);
  assert.equal(row.details?.kind?.label, 'Agent on its own behalf');
  assert.deepEqual([check(row.details, 'Signature')?.outcome, row.details?.length], ['unknown', undefined]);
  inspector.session.connection = connectionWith(good());
  inspector.fire();
  await inspector.settled();
  assert.deepEqual(
    inspector.state().tokens.map(({ id }) => id),
    ['tc', 'llm', 'mcp', 'pasted-1'],
  );
  inspector.tell({ type: 'forget', token: 'pasted-1' });
  inspector.tell({ type: 'forget', token: 'tc' }); // that one is not pasted
  assert.deepEqual(
    inspector.state().tokens.map(({ id }) => id),
    ['tc', 'llm', 'mcp'],
  );
  assert.equal(JSON.stringify(inspector.posted).includes(raw), false);
});

test('an encrypted token shows its header and nothing else', async context => {
  const inspector = await open(context);
  const header = Buffer.from('{"alg":"RSA-OAEP","enc":"A256GCM","kid":"k9"}').toString('base64url');
  await inspector.paste(`${header}.a.b.c.d`);
  const { details } = inspector.row('pasted-1');
  assert.equal(details?.kind?.label, 'Encrypted token');
  assert.deepEqual([details?.claims, details?.header.at(-1)], [[], { name: 'kid', value: 'k9' }]);
});

test('pasted tokens are limited in number; the oldest makes way', async context => {
  const inspector = await open(context, connectionWith(good()));
  for (let n = 0; n < 12; n++) await inspector.paste(jwt({ ...fixture('tc-v1'), uti: String(n) }));
  const pasted = inspector.state().tokens.filter(token => token.pasted);
  assert.deepEqual([pasted.length, pasted[0]?.id, pasted.at(-1)?.id], [10, 'pasted-3', 'pasted-12']);
});
