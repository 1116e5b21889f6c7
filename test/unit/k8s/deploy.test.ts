import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseObjects } from './support/kustomize.ts';
import { K8S } from './support/manifests.ts';
import { ENV, envText, runScript, type Run } from './support/scripts.ts';

const CHANGES = /^(apply|delete|create|patch|replace|scale|rollout restart)/;
const changes = (run: Run) => run.lines.filter(line => CHANGES.test(line));
const applied = (run: Run) => parseObjects(run.calls.find(each => each.text !== undefined)?.text ?? '');
const names = (run: Run, kind: string) =>
  applied(run)
    .filter(each => each.kind === kind)
    .map(each => each.metadata.name);

test('deploys what the .env says: asks, applies once, waits for each Deployment, says what is next', async t => {
  const run = await runScript(t, 'deploy.sh', { env: envText(ENV), input: 'y\n' });
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stderr, /Context +kind-agents \(https:\/\/cluster\.example:6443\)\nNamespace +agents\n/);
  assert.match(run.stderr, /Agent +33333333-\S+ \(research-agent\)\nTools for +33333333-\S+\nMCP app/);
  assert.deepEqual(names(run, 'Deployment'), ['research-agent', 'agentgateway']);
  assert.deepEqual(names(run, 'RoleBinding'), []);
  assert.equal(changes(run).length, 1);
  assert.match(changes(run)[0] ?? '', /^apply --server-side --field-manager agent-id-deploy --filename /);
  assert.deepEqual(
    run.lines.filter(line => line.startsWith('rollout')),
    ['research-agent', 'agentgateway'].map(name => `rollout status deployment/${name} --timeout 180s`),
  );
  for (const { program, args } of run.calls)
    if (program === 'kubectl' && !['config', 'kustomize'].includes(args[0] ?? ''))
      assert.deepEqual(args.slice(0, 2), ['--context', 'kind-agents'], 'every call names the context that was shown');
  assert.match(
    run.stderr,
    /issuer +https:\/\/issuer\.example\/1\n +subject +system:serviceaccount:agents:agent-blueprint\n +audience +api:\/\/AzureADTokenExchange\n/,
  );
  assert.match(run.stderr, /old-agent is in the cluster and not in/);
  assert.match(run.stderr, /Agent ID: Connect…, context kind-agents, namespace agents/);
});

test('changes nothing unless the answer is yes', async t => {
  for (const input of ['n\n', '\n', '']) {
    const run = await runScript(t, 'deploy.sh', { env: envText(ENV), input });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /Nothing was changed\.\n$/);
    assert.deepEqual(changes(run), []);
  }
});

test('a dry run prints the manifests, and asks no cluster anything', async t => {
  const args = ['--dry-run', '--overlay', 'aks', '--debug'];
  const run = await runScript(t, 'deploy.sh', { env: envText({ ...ENV, DEVELOPER: 'ada@contoso.example' }), args });
  assert.equal(run.status, 0, run.stderr);
  assert.deepEqual([run.stderr, run.lines.length], ['', 1]);
  assert.match(run.lines[0] ?? '', /^kustomize /);
  const objects = parseObjects(run.stdout);
  assert.doesNotMatch(run.stdout, /\$\{/);
  const kinds = objects.map(each => each.kind);
  assert.ok(kinds.includes('RoleBinding') && kinds.includes('PodDisruptionBudget'));
  assert.match(run.stdout, /ADMIN_ADDR/);
});

test('the same .env gives the same manifests; a changed setting changes the pods, and only them that read it', async t => {
  const dryRun = async (change: Record<string, string>) => {
    const env = envText({ ...ENV, ...change });
    const { stdout } = await runScript(t, 'deploy.sh', { env, args: ['--dry-run'] });
    const hash = (name: string) => {
      const [found] = parseObjects(stdout).filter(each => each.kind === 'Deployment' && each.metadata.name === name);
      return /"agent-id.dev\/config-hash":"(\d+)"/.exec(JSON.stringify(found))?.[1];
    };
    return { stdout, sidecar: hash('research-agent'), gateway: hash('agentgateway') };
  };
  const [first, again] = [await dryRun({}), await dryRun({})];
  assert.equal(first.stdout, again.stdout);
  assert.ok(first.sidecar && first.gateway);
  const host = await dryRun({ AZURE_OPENAI_HOST: 'fabrikam.openai.azure.com' });
  assert.deepEqual([host.sidecar, host.gateway === first.gateway], [first.sidecar, false]);
  const blueprint = await dryRun({ BLUEPRINT_APP_ID: '99999999-9999-4999-8999-999999999999' });
  assert.deepEqual([blueprint.gateway, blueprint.sidecar === first.sidecar], [first.gateway, false]);
});

test('each agent with an id is deployed, and may use tools unless AGENT_APP_IDS says who may', async t => {
  const intern = '44444444-4444-4444-8444-44444444444A';
  const env = { ...ENV, INTERN_AGENT_APP_ID: intern };
  const both = await runScript(t, 'deploy.sh', { env: envText(env), args: ['--dry-run'] });
  const lower = intern.toLowerCase(); // as Entra writes it into tokens
  assert.ok(both.stdout.includes(`jwt.appid in ['${ENV['RESEARCH_AGENT_APP_ID']}','${lower}']`));
  assert.equal(parseObjects(both.stdout).filter(each => each.kind === 'Deployment').length, 3);
  const one = await runScript(t, 'deploy.sh', {
    env: envText({ ...env, AGENT_APP_IDS: `"${intern}"` }),
    args: ['--dry-run'],
  });
  assert.ok(one.stdout.includes(`jwt.appid in ['${lower}']`));
});

const refused: [what: string, change: Record<string, string | undefined>, says: RegExp][] = [
  [
    'a missing variable',
    { MCP_APP_ID: undefined, LLM_DEPLOYMENT: '' },
    /MCP_APP_ID is missing: .*\n.*LLM_DEPLOYMENT is missing/,
  ],
  ['no agent', { RESEARCH_AGENT_APP_ID: undefined }, /RESEARCH_AGENT_APP_ID is missing/],
  [
    'a bad GUID',
    { TENANT_ID: 'contoso.onmicrosoft.com' },
    /TENANT_ID is no GUID: contoso\.onmi…; wanted .* and no domain name$/m,
  ],
  ['an id with its prefix', { MCP_APP_ID: `api://${ENV['MCP_APP_ID']}` }, /MCP_APP_ID is no GUID: api:/],
  [
    'one id in two lines',
    { BLUEPRINT_APP_ID: ENV['TENANT_ID'] },
    /TENANT_ID and BLUEPRINT_APP_ID have the same value: one of them is in the wrong line/,
  ],
  [
    'blueprint and agent swapped for one',
    { RESEARCH_AGENT_APP_ID: ENV['BLUEPRINT_APP_ID'] },
    /BLUEPRINT_APP_ID and RESEARCH_AGENT_APP_ID have/,
  ],
  [
    'a well-known id',
    { MCP_APP_ID: '7D312290-28c8-473c-a0ed-8e53749b6d6d' },
    /MCP_APP_ID is Microsoft Cognitive Services.*; wanted is/,
  ],
  [
    'the client’s id',
    { BLUEPRINT_APP_ID: '14d82eec-204b-4c2f-b7e8-296a70dab67e' },
    /BLUEPRINT_APP_ID is Microsoft Graph Command Line Tools/,
  ],
  [
    'a blueprint among the tools’ agents',
    { AGENT_APP_IDS: ENV['BLUEPRINT_APP_ID'] },
    /AGENT_APP_IDS has the value of BLUEPRINT_APP_ID/,
  ],
  [
    'an agent without a manifest',
    { WRITER_AGENT_APP_ID: '99999999-9999-4999-8999-999999999999' },
    /base\/writer-agent\.yaml, which does not exist\. "Add an agent" in k8s\/README\.md makes it$/m,
  ],
  ['a shared namespace', { NAMESPACE: 'kube-system' }, /NAMESPACE is kube-system/],
  [
    'the gateway as its own model',
    { AZURE_OPENAI_HOST: 'http://agentgateway.agents:3000/llm' },
    /AZURE_OPENAI_HOST is not the host/,
  ],
  [
    'somebody else’s model',
    { AZURE_OPENAI_HOST: 'Contoso.openai.azure.com' },
    /AZURE_OPENAI_HOST is a placeholder; wanted is the host of your/,
  ],
  ['a pattern of file names', { AGENT_APP_IDS: '*' }, /AGENT_APP_IDS has something that is no GUID: \*$/m],
  ['YAML in a value', { LLM_DEPLOYMENT: 'x"}' }, /LLM_DEPLOYMENT is not the name/],
];
for (const [what, change, says] of refused)
  test(`refuses ${what}, before any cluster is asked`, async t => {
    const run = await runScript(t, 'deploy.sh', { env: envText({ ...ENV, ...change }), args: ['--yes'] });
    assert.equal(run.status, 1);
    assert.match(run.stderr, says);
    assert.deepEqual(run.calls, []);
  });

test('a .env is text: it is not run, and the caller’s environment does not fill its gaps', async t => {
  const marker = 'touched-by-env';
  const lines = [
    `\uFEFFexport TENANT_ID="${ENV['TENANT_ID']}" # quoted`,
    `  BLUEPRINT_APP_ID = '${ENV['BLUEPRINT_APP_ID']}'\r`,
    `AZURE_OPENAI_HOST=$(touch "$TMPDIR/${marker}")`,
    `PATH=/nowhere`,
    `LLM_DEPLOYMENT=gpt-4.1-mini   # comment`,
    `RESEARCH_AGENT_APP_ID=${ENV['RESEARCH_AGENT_APP_ID']}`,
  ];
  const run = await runScript(t, 'deploy.sh', {
    env: lines.join('\n'), // no newline at the end
    args: ['--yes'],
    environment: { MCP_APP_ID: ENV['MCP_APP_ID'] ?? '' },
  });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /:\n {2}- MCP_APP_ID is missing.*\n {2}- AZURE_OPENAI_HOST is not the host.*: \$\(touch/);
  assert.equal(run.stderr.match(/^ {2}- /gm)?.length, 2, run.stderr);
});

test('a name with a slip of the pen is noticed, and names of others are not', async t => {
  const others = 'CLUSTER_ISSUER=https://issuer.example\nOPENAI_USERS=x\nENTRA_NAME=y\nAZURE_OPENAI_API_KEY=\n';
  const slip = { ...ENV, TENANT_ID: undefined, TENNANT_ID: ENV['TENANT_ID'], MCP_PAP_ID: 'x' };
  const run = await runScript(t, 'deploy.sh', { env: others + envText(slip), args: ['--dry-run'] });
  assert.deepEqual(run.stderr.match(/^Note: .*/gm), [
    'Note: line 11 of /.env has TENNANT_ID, which nothing reads. Is TENANT_ID meant?',
    'Note: line 12 of /.env has MCP_PAP_ID, which nothing reads. Is MCP_APP_ID meant?',
  ]);
  assert.match(run.stderr, /TENANT_ID is missing/);
});

test('the client that people sign in with is said, for the setting that everybody needs', async t => {
  const id = '66666666-6666-4666-8666-666666666666';
  const run = await runScript(t, 'deploy.sh', { env: envText({ ...ENV, CLIENT_APP_ID: id }), args: ['--yes'] });
  assert.ok(run.stderr.includes(`"agentId.clientId": "${id}"\n`), run.stderr);
  const without = await runScript(t, 'deploy.sh', { env: envText(ENV), args: ['--yes'] });
  assert.doesNotMatch(without.stderr, /clientId/);
});

test('an error in a manifest names the file in k8s/, not the copy that is gone', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'agent-id-broken-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const k8s = join(folder, 'k8s');
  await cp(K8S, k8s, { recursive: true });
  await appendFile(join(k8s, 'base/role.yaml'), '# ${NOBODY_SETS_ME}\n');
  const missing = await runScript(t, 'deploy.sh', { env: envText(ENV), args: ['--dry-run'], folder: k8s });
  assert.equal(missing.status, 1);
  assert.equal(
    missing.stderr.replaceAll(folder, ''),
    'The manifests need a value for NOBODY_SETS_ME.\nThat is in /k8s/base/role.yaml.\n',
  );
  const broken = await runScript(t, 'deploy.sh', { env: envText(ENV), args: ['--dry-run'], fail: '^kustomize' });
  assert.equal(broken.status, 1);
  assert.match(broken.stderr, /^the stand-in fails: kustomize .*\nThe manifests in .*\/k8s can not be put together/);
});

test('the reference client’s .env is taken as it is, without its secret', async t => {
  const reference = [
    `TENANT_ID=${ENV['TENANT_ID']}`,
    'AUTH_MODE=entra',
    'TOKEN_PROVIDER_MODE=sidecar',
    'AZURE_OPENAI_ENDPOINT=https://Agents-Model.openai.azure.com/',
    'AZURE_OPENAI_DEPLOYMENT=gpt-4o',
    'AZURE_OPENAI_API_VERSION=2024-02-15-preview',
    'AZURE_OPENAI_API_KEY=',
    `BLUEPRINT_APP_ID=${ENV['BLUEPRINT_APP_ID']}`,
    'BLUEPRINT_CLIENT_SECRET=do-not-deploy-me',
    `AGENT_IDENTITY_APP_ID=${ENV['RESEARCH_AGENT_APP_ID']}`,
    `MCP_SERVER_APP_ID=${ENV['MCP_APP_ID']}`,
    'SIDECAR_URL=http://localhost:5000',
  ].join('\n');
  const run = await runScript(t, 'deploy.sh', { env: reference, args: ['--yes'] });
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stderr, /Note: BLUEPRINT_CLIENT_SECRET is not used/);
  const text = JSON.stringify(applied(run));
  assert.doesNotMatch(text, /do-not-deploy-me/);
  for (const value of [
    'agents-model.openai.azure.com:443',
    'gpt-4o',
    '2024-02-15-preview',
    `api://${ENV['MCP_APP_ID']}`,
  ])
    assert.ok(text.includes(value), value);
  assert.deepEqual(names(run, 'Namespace'), ['agent-id']);
  const broken = reference.replace(/MCP_SERVER_APP_ID=.*/, 'MCP_SERVER_APP_ID=mcp');
  assert.match(
    (await runScript(t, 'deploy.sh', { env: broken, args: ['--yes'] })).stderr,
    /MCP_SERVER_APP_ID is no GUID: mcp/,
  );
});

test('an id that is no tenant’s is noticed by asking Entra; being offline stops nothing', async t => {
  const env = envText(ENV);
  const run = await runScript(t, 'deploy.sh', { env, args: ['--yes'], environment: { TENANT_STATUS: '400' } });
  assert.match(run.stderr, /TENANT_ID is no tenant of https:\/\/login\.microsoftonline\.com\//);
  assert.deepEqual([run.status, changes(run)], [1, []]);
  const offline = await runScript(t, 'deploy.sh', { env, args: ['--yes'], fail: '^--silent' });
  assert.equal(offline.status, 0, offline.stderr);
});

test('what is deployed already tells a swapped blueprint from a new one', async t => {
  const before = (id = '') => ({ env: envText(ENV), args: ['--yes'], environment: { BLUEPRINT_BEFORE: id } });
  const swapped = await runScript(t, 'deploy.sh', before(ENV['RESEARCH_AGENT_APP_ID']));
  assert.match(swapped.stderr, /Were BLUEPRINT_APP_ID and RESEARCH_AGENT_APP_ID swapped\?\n$/);
  assert.deepEqual([swapped.status, changes(swapped)], [1, []]);
  const changed = await runScript(t, 'deploy.sh', before('99999999-9999-4999-8999-999999999999'));
  assert.match(changed.stderr, /^Note: the blueprint changes; until now it is 99999999-/m);
  const same = await runScript(t, 'deploy.sh', before(ENV['BLUEPRINT_APP_ID']));
  assert.doesNotMatch(same.stderr, /the blueprint changes/);
  assert.deepEqual([changed.status, same.status], [0, 0]);
});

test('who has the Role is said when the .env no longer names anybody', async t => {
  const bound = { BOUND: 'ada@contoso.example' };
  const run = await runScript(t, 'deploy.sh', { env: envText(ENV), args: ['--yes'], environment: bound });
  assert.match(run.stderr, /^Note: ada@contoso\.example has the Role .* delete rolebinding agent-id-user$/m);
  assert.doesNotMatch(run.stderr, /Give developers the Role/);
  const env = envText({ ...ENV, DEVELOPER: 'ada@contoso.example' });
  const same = await runScript(t, 'deploy.sh', { env, args: ['--yes'], environment: bound });
  assert.doesNotMatch(same.stderr, /Note: ada|Give developers/);
  const nobody = await runScript(t, 'deploy.sh', { env: envText(ENV), args: ['--yes'] });
  assert.match(nobody.stderr, /^- Give developers the Role agent-id-user/m);
});

test('another cloud needs other manifests too', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'agent-id-cloud-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const k8s = join(folder, 'k8s');
  await cp(K8S, k8s, { recursive: true });
  const env = envText({ ...ENV, ENTRA_INSTANCE: 'https://login.microsoftonline.us' });
  const options = { env, args: ['--dry-run'], folder: k8s };
  const refused = await runScript(t, 'deploy.sh', options);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /ENTRA_INSTANCE is another cloud .*\(Another cloud\)/);
  const file = join(k8s, 'base/agentgateway-config.yaml');
  await writeFile(
    file,
    (await readFile(file, 'utf8')).replaceAll('login.microsoftonline.com', 'login.microsoftonline.us'),
  );
  const run = await runScript(t, 'deploy.sh', options);
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /AzureAd__Instance: "?https:\/\/login\.microsoftonline\.us\//);
});

test('README’s way to add an agent works', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'agent-id-add-agent-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const k8s = join(folder, 'k8s');
  await cp(K8S, k8s, { recursive: true });
  const [command] = /^sed .*writer-agent\.yaml$/m.exec(await readFile(join(K8S, 'README.md'), 'utf8')) ?? [];
  assert.ok(command);
  execFileSync('sh', ['-c', command], { cwd: folder });
  const env = envText({ ...ENV, WRITER_AGENT_APP_ID: '99999999-9999-4999-8999-999999999999' });
  const unlisted = await runScript(t, 'deploy.sh', { env, args: ['--dry-run'], folder: k8s });
  assert.match(unlisted.stderr, /base\/writer-agent\.yaml is not in the list of base\/kustomization\.yaml/);
  await appendFile(join(k8s, 'base/kustomization.yaml'), '  - writer-agent.yaml\n');
  const run = await runScript(t, 'deploy.sh', { env, args: ['--dry-run'], folder: k8s });
  assert.equal(run.status, 0, run.stderr);
  const added = parseObjects(run.stdout).find(each => each.metadata.name === 'writer-agent');
  assert.equal(added?.metadata.annotations?.['agent-id.dev/agent-identity'], '99999999-9999-4999-8999-999999999999');
  assert.doesNotMatch(JSON.stringify(added), /intern/i);
});

test('a Deployment that does not come up is explained', async t => {
  const run = await runScript(t, 'deploy.sh', { env: envText(ENV), args: ['--yes'], fail: 'rollout status' });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /research-agent did not become ready within 3 minutes.*ImagePullBackOff\n/s);
  assert.match(run.stderr, /describe pods --selector app\.kubernetes\.io\/name=research-agent\n$/);
  assert.doesNotMatch(run.stderr, /Everything is ready/);
});

test('a cluster that does not answer is noticed before anything is asked or changed', async t => {
  const run = await runScript(t, 'deploy.sh', { env: envText(ENV), args: ['--yes'], fail: 'get --raw /version' });
  assert.equal(run.status, 1);
  assert.match(
    run.stderr,
    /^The API server of kind-agents \(https:\/\/cluster\.example:6443\) does not answer kubectl: /m,
  );
  assert.doesNotMatch(run.stderr, /Namespace/);
  assert.deepEqual(changes(run), []);
});

test('what the cluster refuses is an error with the next step', async t => {
  const run = await runScript(t, 'deploy.sh', { env: envText(ENV), args: ['--yes'], fail: '^.*apply ' });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /Not everything could be applied/);
  assert.doesNotMatch(run.lines.join('\n'), /rollout/);
});

test('undeploy.sh shows what is ours, asks, and deletes that; the namespace only when told to', async t => {
  const env = envText(ENV);
  const declined = await runScript(t, 'undeploy.sh', { env, input: 'n\n' });
  assert.deepEqual([declined.status, changes(declined)], [1, []]);
  const run = await runScript(t, 'undeploy.sh', { env, input: 'y\n' });
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stderr, /^Context +kind-agents \(https:\/\/cluster\.example:6443\)\nNamespace +agents\n/);
  const [only, ...rest] = changes(run);
  assert.match(
    only ?? '',
    /^delete deployments,\S+ --selector app\.kubernetes\.io\/part-of=agent-id --ignore-not-found$/,
  );
  assert.deepEqual(rest, []);
  const again = await runScript(t, 'undeploy.sh', { env, environment: { FOUND: '' } });
  assert.deepEqual([again.status, changes(again)], [0, []]);
  assert.match(again.stderr, /Nothing that deploy\.sh made is there\.\n$/);
  const whole = await runScript(t, 'undeploy.sh', { env, args: ['--delete-namespace', '--yes'] });
  assert.match(changes(whole).at(-1) ?? '', /^delete namespace agents /);
});

test('both scripts explain themselves, and refuse what they do not know', async t => {
  for (const script of ['deploy.sh', 'undeploy.sh']) {
    assert.equal((await runScript(t, script, { env: '', args: ['--help'] })).status, 0);
    for (const args of [['--force'], ['--context'], ...(script === 'deploy.sh' ? [['--overlay', '../..']] : [])]) {
      const run = await runScript(t, script, { env: envText(ENV), args });
      assert.deepEqual([run.status, run.calls], [2, []]);
      assert.match(
        run.stderr,
        /^There is no (option --force|overlay \.\.\/\.\.)\.\nUsage: |^--context needs a value\.\nUsage: /,
      );
    }
  }
});
