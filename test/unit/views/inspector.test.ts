import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { LIMITS } from '../../../src/protocol/common.ts';
import type { TokenDetails } from '../../../src/protocol/inspector.ts';
import { fixture, type Payload } from '../identity/support.ts';
import { check, connectionWith, good, inAnHour, jwt, open, startInspector, type Asked } from './inspectorSupport.ts';

const claim = (details: TokenDetails | undefined, name: string) => details?.claims.find(one => one.name === name);

test('each row is its own token, and Refresh asks for new ones, Tc first', async context => {
  const asked: Asked[] = [];
  const inspector = await open(context, connectionWith(good(), asked));
  const [tc, llm, mcp] = ['tc', 'llm', 'mcp'].map(id => inspector.row(id));
  assert.deepEqual([tc?.label, tc?.status.kind, tc?.details?.version], ['TC', 'ok', '2.0']);
  assert.equal(tc?.appid, '14d82eec-204b-4c2f-b7e8-296a70dab67e');
  assert.equal(llm?.aud, 'https://cognitiveservices.azure.com');
  assert.equal(mcp?.sub, 'robin@contoso.example');
  assert.equal(claim(mcp?.details, 'appid')?.note, 'research-agent');
  assert.equal(mcp?.details?.kind?.label, 'Agent on behalf of a user');
  assert.equal(tc?.details?.kind?.label, 'User token for the blueprint');
  inspector.tell({ type: 'refresh' });
  await inspector.settled();
  assert.deepEqual(
    asked.map(({ what, force }) => [what, force]),
    [
      ['tc', false],
      ['openai', false],
      ['mcp', false],
      ['tc', true],
      ['openai', true],
      ['mcp', true],
    ],
  );
  assert.doesNotMatch(JSON.stringify(inspector.posted), /eyJ\w+\./, 'no raw token is sent');
});

test('what the checks of good tokens say leaves no value out', async context => {
  const inspector = await open(context, connectionWith(good()));
  for (const { details } of inspector.state().tokens)
    for (const { title, sentence } of details?.checks ?? []) assert.doesNotMatch(sentence, /nothing$|\{\d\}/, title);
});

test('a token that can not be had says why, and the ones beside it are fine', async context => {
  const refused = new AgentIdError('sidecar.consentMissing', { api: 'openai', agent: 'a', aadsts: 65001 });
  const inspector = await open(context, connectionWith({ ...good(), openai: refused, mcp: 'not.a-token' }));
  const [tc, llm, mcp] = ['tc', 'llm', 'mcp'].map(id => inspector.row(id).status);
  assert.equal(tc?.kind, 'ok');
  assert.ok(llm?.kind === 'error' && /consented.*AADSTS65001/.test(llm.failure.sentence));
  assert.ok(mcp?.kind === 'error' && /not a readable token/.test(mcp.failure.sentence));
});

test('a refresh that fails says how long the token from before is still in use', async context => {
  const tokens = good();
  const inspector = await open(context, connectionWith(tokens));
  tokens.mcp = new AgentIdError('sidecar.unreachable', {});
  inspector.tell({ type: 'refresh' });
  await inspector.settled();
  const { status } = inspector.row('mcp');
  assert.ok(status.kind === 'error' && status.heldUntil !== undefined, status.kind);
  assert.ok(Math.abs(status.heldUntil - inAnHour() * 1000) < 5000, `${status.heldUntil}`);
});

test('an API that the sidecar does not have is not configured, and nobody is asked for its token', async context => {
  const asked: Asked[] = [];
  const connection = connectionWith(good(), asked);
  connection.configuration.llmApi.value = 'constructor'; // a name that every object has
  const inspector = await open(context, connection);
  assert.deepEqual(inspector.row('llm'), {
    id: 'llm',
    label: 'LLM',
    status: { kind: 'notConfigured', reason: 'The sidecar has no API “constructor”.' },
  });
  assert.deepEqual(
    asked.map(({ what }) => what),
    ['tc', 'mcp'],
  );
});

test('a token that ends while somebody looks is judged again', async context => {
  context.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 });
  const exp = 1_700_000_000 + 400;
  const inspector = await open(context, connectionWith({ ...good(), tc: jwt({ ...fixture('tc-v2'), exp }) }));
  const expiry = () => [inspector.row('tc').status.kind, check(inspector.row('tc').details, 'Expiry')?.outcome];
  assert.deepEqual(expiry(), ['ok', 'ok']);
  context.mock.timers.tick(100_001);
  assert.deepEqual(expiry(), ['ok', 'warning']);
  context.mock.timers.tick(300_000);
  assert.deepEqual(expiry(), ['expired', 'bad']);
});

test('a token is judged again when it ends by Entra’s clock, not by this one’s alone', async context => {
  context.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 });
  const connection = connectionWith({ ...good(), tc: jwt({ ...fixture('tc-v2'), exp: 1_700_000_000 + 10 }) });
  Object.assign(connection.signingKeys, { clockOffset: -5_000 });
  const inspector = await open(context, connection);
  const expiry = () => check(inspector.row('tc').details, 'Expiry')?.outcome;
  context.mock.timers.tick(11_000);
  assert.equal(expiry(), 'warning');
  context.mock.timers.tick(5_000);
  assert.equal(expiry(), 'bad');
});

test('the gateway’s verdict follows a minute after the end, which it tolerates', async context => {
  context.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 });
  const tokens = { ...good(), mcp: jwt({ ...fixture('t2-mcp-v1'), exp: 1_700_000_000 + 400 }) };
  const inspector = await open(context, connectionWith(tokens));
  const outcome = () => inspector.state().analysis.routes.find(({ id }) => id === 'mcp /mcp')?.outcome;
  for (const ms of [100_001, 300_000]) context.mock.timers.tick(ms);
  assert.deepEqual([inspector.row('mcp').status.kind, outcome()], ['expired', 'admitted']);
  context.mock.timers.tick(61_000);
  assert.equal(outcome(), 'refused');
});

test('what was read stays while it is asked for anew, but not for another connection', async context => {
  const inspector = await open(context, connectionWith(good()));
  inspector.tell({ type: 'refresh' });
  assert.deepEqual([inspector.row('tc').status.kind, inspector.row('tc').details?.version], ['loading', '2.0']);
  await inspector.settled();
  inspector.session.connection = connectionWith({});
  inspector.fire();
  assert.deepEqual([inspector.row('tc').status.kind, inspector.row('tc').details], ['loading', undefined]);
  assert.ok(inspector.posted.some(({ type }) => type === 'conceal'));
  await inspector.settled();
  inspector.session.connection = undefined;
  inspector.fire();
  assert.deepEqual([inspector.state().tokens, inspector.state().analysis.hops], [[], []]);
});

test('a connection that ends while its tokens are asked for leaves nothing that turns', async context => {
  const inspector = await open(context, connectionWith(good()));
  inspector.tell({ type: 'refresh' });
  inspector.session.connection = undefined;
  inspector.fire();
  await inspector.settled();
  assert.deepEqual([inspector.state().refreshing, inspector.state().tokens], [false, []]);
});

test('a token that a turn has replaced is shown without being asked for, and only then', async context => {
  const tokens = good();
  const asked: Asked[] = [];
  const connection = connectionWith(tokens, asked);
  const inspector = await open(context, connection);
  inspector.fire();
  assert.equal(asked.length, 3, 'nothing was replaced');
  tokens.mcp = jwt({ ...fixture('t2-mcp-v1'), exp: inAnHour(), uti: 'another' });
  await connection.broker.get('mcp', {});
  inspector.fire();
  await inspector.settled();
  assert.equal(claim(inspector.row('mcp').details, 'uti')?.value, 'another');
  assert.equal(asked.at(-1)?.force, false);
});

test('the raw token goes to a page that is seen, and is the one whose claims are shown', async context => {
  const tokens = good();
  const inspector = await open(context, connectionWith(tokens));
  const last = () => inspector.posted.at(-1);
  inspector.tell({ type: 'reveal', token: 'mcp' });
  assert.deepEqual(last(), { type: 'raw', token: 'mcp', raw: tokens.mcp, clearAfterMs: 30_000 });
  inspector.tell({ type: 'reveal', token: 'mcp' }, false);
  assert.deepEqual(last(), { type: 'conceal' });
  inspector.tell({ type: 'reveal', token: 'pasted-1' });
  assert.deepEqual(last(), { type: 'conceal' });
});

test('the chain names issuer, presenter and audience of each hop, and reads nothing from T1', async context => {
  const inspector = await open(context, connectionWith(good()));
  const { hops } = inspector.state().analysis;
  assert.deepEqual(
    hops.map(({ id, after, token }) => [id, after, token]),
    [
      ['tc', undefined, 'tc'],
      ['t1', 'tc', undefined],
      ['llm', 't1', 'llm'],
      ['mcp', 't1', 'mcp'],
    ],
  );
  const [tc, t1, llm] = hops;
  assert.match(tc?.presenter ?? '', /Microsoft Graph Command Line Tools/);
  assert.match(t1?.issuer ?? '', /tenant of this connection/);
  assert.equal(t1?.audience, 'api://AzureADTokenExchange');
  assert.match(llm?.presenter ?? '', /research-agent, with T1 and Tc/);
});

test('the comparison marks each claim against Tc, and pairs the names of the two versions', async context => {
  const inspector = await open(context, connectionWith(good()));
  const { comparison } = inspector.state().analysis;
  assert.deepEqual(
    comparison?.columns.map(({ id }) => id),
    ['tc', 'llm', 'mcp'],
  );
  const row = (name: string) => comparison?.rows.find(one => one.name === name);
  const changes = (name: string) => row(name)?.cells.map(({ change }) => change);
  assert.deepEqual(changes('aud'), [undefined, 'changed', 'changed']);
  assert.deepEqual(changes('azp, appid'), [undefined, 'changed', 'changed']);
  assert.match(row('azp, appid')?.why ?? '', /The agent identity calls now/);
  assert.deepEqual(changes('oid'), [undefined, 'same', 'same']);
  assert.equal(row('oid')?.alarm, false);
  assert.deepEqual([row('uti')?.perToken, row('aud')?.perToken, row('oid')?.perToken], [true, false, false]);
  assert.equal(changes('xms_act_fct')?.at(-1), 'added');
});

test('a reason that holds for one token alone is said of that token', async context => {
  const one = { ...fixture('t2-openai-v1'), exp: inAnHour() };
  const other = { ...fixture('t2-mcp-v1'), exp: inAnHour(), oid: '99999999-1111-4222-8333-444455556666' };
  const inspector = await open(context, connectionWith({ ...good(), openai: jwt(one), mcp: jwt(other) }));
  const why = (name: string) => inspector.state().analysis.comparison?.rows.find(row => row.name === name)?.why ?? '';
  assert.match(why('oid'), /^LLM: The user stays .* MCP: The user or the tenant changed/);
  assert.doesNotMatch(why('azp, appid'), /LLM: |MCP: /, 'the same in both');
});

test('what is cut says how much there is more of', async context => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`claim_${n}`, n]));
  const inspector = await open(context, connectionWith({ ...good(), mcp: jwt({ ...many, exp: inAnHour() }) }));
  const { details } = inspector.row('mcp');
  assert.equal(details?.claims.length, LIMITS.claims);
  assert.ok((details.moreClaims ?? 0) > 100, `${details.moreClaims}`);
  const { comparison } = inspector.state().analysis;
  assert.equal(comparison?.rows.length, LIMITS.claims);
  assert.ok((comparison?.moreRows ?? 0) > 100, `${comparison?.moreRows}`);
  assert.equal(inspector.row('tc').details?.moreClaims, undefined);
});

test('an error of our own while tokens are asked for ends in the log, and nothing goes on turning', async context => {
  const connection = connectionWith(good());
  Object.assign(connection, { preflight: () => assert.fail('a mistake of ours') });
  const inspector = startInspector(connection);
  context.after(() => inspector.controller.dispose());
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  assert.match(inspector.logged.join(), /The inspector failed: .*a mistake of ours/);
  assert.equal(inspector.state().refreshing, false);
});

test('another user on the way is an alarm', async context => {
  const mcp = jwt({ ...fixture('t2-mcp-v1'), exp: inAnHour(), oid: '99999999-1111-4222-8333-444455556666' });
  const inspector = await open(context, connectionWith({ ...good(), mcp }));
  const row = inspector.state().analysis.comparison?.rows.find(({ name }) => name === 'oid');
  assert.equal(row?.alarm, true);
  assert.equal(check(inspector.row('mcp').details, 'User')?.outcome, 'bad');
});

test('a missing agent claim leaves the kind inferred, and says what would mend it', async context => {
  const mcp = jwt({ ...fixture('t2-mcp-v2'), exp: inAnHour() });
  const inspector = await open(context, connectionWith({ ...good(), mcp }));
  const kind = inspector.row('mcp').details?.kind;
  assert.deepEqual([kind?.label, kind?.certain], ['Agent on behalf of a user', false]);
  assert.match(kind?.because ?? '', /proves nothing.*optional claims/);
});

test('the gateway’s answer to each T2 is known from its own file, check by check, clause by clause', async context => {
  const inspector = await open(context, connectionWith(good()));
  const [llm, mcp] = inspector.state().analysis.routes;
  assert.deepEqual([llm?.title, llm?.token, llm?.outcome], ['Model · /llm', 'LLM', 'admitted']);
  assert.deepEqual(
    llm?.steps.map(({ title, outcome }) => [title, outcome]),
    [
      ['Route', 'passes'],
      ['Token (jwtAuth)', 'passes'],
      ['Rules (authorization)', 'passes'],
    ],
  );
  const clauses = llm?.steps.at(-1)?.rules[0]?.clauses;
  assert.deepEqual(
    clauses?.map(({ depth, kind, outcome, facts }) => [depth, kind, outcome, facts.map(({ value }) => value)]),
    [
      [0, 'all', 'holds', []],
      [1, 'leaf', 'holds', ['c0ffee00-1111-4222-8333-444455556666']],
      [1, 'leaf', 'holds', ['3 9 11']],
    ],
  );
  assert.match(mcp?.sentence ?? '', /hide one tool/);
  assert.deepEqual(
    mcp?.tools.map(({ name, target, outcome }) => [name, target, outcome]),
    [
      ['web_search_exa', 'exa-ai', 'allowed'],
      ['crawling_exa', 'exa-ai', 'hidden'],
    ],
  );
  assert.match(mcp?.tools[1]?.reason ?? '', /mcp\.tool\.name != 'crawling_exa'/);
});

test('a token without the agent’s claims would be refused, with the Graph call that mends it', async context => {
  const silent = { ...fixture('t2-mcp-v1'), exp: inAnHour(), xms_act_fct: undefined };
  const inspector = await open(context, connectionWith({ ...good(), mcp: jwt(silent) }));
  const mcp = inspector.state().analysis.routes[1];
  assert.equal(mcp?.outcome, 'refused');
  assert.match(mcp?.sentence ?? '', /403/);
  const rules = mcp?.steps.find(({ title }) => title === 'Rules (authorization)');
  assert.match(rules?.sentence ?? '', /'11' in jwt\.xms_act_fct.*xms_act_fct is absent/);
  assert.match(rules?.remedy?.text ?? '', /PATCH https:\/\/graph\.microsoft\.us[\s\S]*xms_act_fct/, 'in its own cloud');
  assert.equal(mcp?.steps.at(-1)?.outcome, 'skipped');
});

test('the export has every token, and no part of one', async context => {
  const tokens = good();
  const inspector = await open(context, connectionWith(tokens));
  await inspector.paste(jwt({ ...fixture('tc-v1') }));
  inspector.tell({ type: 'export' });
  const [json = ''] = inspector.documents;
  const { tokens: exported } = JSON.parse(json) as { tokens: { label: string; verdicts: unknown[] }[] };
  assert.deepEqual(
    exported.map(({ label }) => label),
    ['TC', 'LLM', 'MCP', 'Pasted token 1'],
  );
  assert.ok(exported.every(({ verdicts }) => verdicts.length > 5));
  assert.doesNotMatch(json, /eyJ|c2lnbmF0dXJl|robin@contoso/);
});

test('the page can ask for what a page may, and for nothing else', async context => {
  const inspector = await open(context, connectionWith(good()));
  const href = 'https://learn.microsoft.com/en-us/entra/agent-id/agent-token-claims';
  inspector.tell({ type: 'openSource', href });
  inspector.tell({ type: 'copyText', text: 'PATCH …' });
  inspector.tell({ type: 'copyRaw', token: 'mcp' });
  inspector.tell({ type: 'copyRaw', token: 'pasted-1' });
  inspector.tell({ type: 'paste' });
  inspector.tell({ type: 'runAction', id: 'agentId.signIn' });
  assert.deepEqual(inspector.asked, [href, 'PATCH …', 'copy mcp', 'paste', 'agentId.signIn']);
  for (const data of [
    { type: 'openSource', href: 'https://learn.microsoft.com.evil.example/' },
    { type: 'openSource', href: 'https://user@learn.microsoft.com/' },
    { type: 'openSource', href: 'command:agentId.signOut' },
    { type: 'runAction', id: 'agentId.signOut' },
    { type: 'paste', text: 'eyJ' },
  ])
    inspector.receive(data);
  assert.equal(inspector.logged.length, 5);
  assert.equal(inspector.asked.length, 5);
});

test('every source that the claim table names can be opened', async context => {
  const inspector = await open(context, connectionWith(good()));
  const sources = inspector
    .state()
    .tokens.flatMap(token => token.details?.claims.flatMap(({ source }) => source ?? []));
  assert.ok(sources.length > 20);
  for (const source of sources) assert.ok(source?.href, source?.title);
});

test('a token made to be shown badly still makes a row that the page accepts', async context => {
  const many: Payload = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`claim-${n}`, n]));
  const hostile: Payload[] = [
    many,
    { aud: 'a'.repeat(20_000), sub: '\u202eevil', appid: ['x'], exp: 'soon', ver: 7 },
    { aud: Array.from({ length: 200 }, () => 'x'.repeat(100)), upn: '😀'.repeat(3_000), exp: 1e300 },
    { ['n'.repeat(3_000)]: 'v', '': '', xms_act_fct: `${'11 '.repeat(3_000)}`, xms_sub_fct: { deep: [{}] } },
    { exp: -1, iat: 9e15, nbf: null, amr: 'pwd', idtyp: 5 },
    { scp: Array.from({ length: 1_500 }, (_, n) => `s${n}`).join(' '), groups: Array.from({ length: 900 }, () => 'g') },
  ];
  const header = { alg: 'RS256', kid: 'k'.repeat(3_000), x5c: ['y'.repeat(3_000)], [`h${'h'.repeat(900)}`]: { a: 1 } };
  for (const payload of hostile) {
    const inspector = await open(context, connectionWith({ ...good(), mcp: jwt(payload, header) }));
    const { details } = inspector.row('mcp');
    assert.ok(details && details.claims.length <= LIMITS.claims);
    assert.equal(JSON.stringify(inspector.state()).includes('\u202e'), false);
  }
});
