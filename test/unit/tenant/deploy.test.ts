import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseObjects } from '../k8s/support/kustomize.ts';
import { runScript } from '../k8s/support/scripts.ts';
import { useTenant } from './support.ts';

const it = useTenant();

test('deploy.sh takes the .env as it is written, once the model is named', async t => {
  assert.equal((await it.setup('--agent', 'research', '--agent', 'intern')).code, 0);
  const env = readFileSync(it.env, 'utf8').replace(/^LLM_DEPLOYMENT=$/m, 'LLM_DEPLOYMENT=gpt-4.1-mini');
  const run = await runScript(t, 'deploy.sh', { env, args: ['--dry-run'] });
  assert.deepEqual([run.status, run.stderr], [0, '']);
  const objects = parseObjects(run.stdout);
  const blueprint = it.readEnv('BLUEPRINT_APP_ID') ?? '';
  const [account] = objects.filter(({ kind }) => kind === 'ServiceAccount');
  assert.equal(account?.metadata.annotations?.['azure.workload.identity/client-id'], blueprint);
  // the subject that setup told Entra
  const { namespace, name } = account?.metadata ?? {};
  const [federated] = it.state.apps.find(app => app.appId === blueprint)?.federated ?? [];
  assert.equal(federated?.subject, `system:serviceaccount:${namespace}:${name}`);
  for (const agent of ['RESEARCH', 'INTERN']) {
    const deployment = objects.find(each => each.metadata.name === `${agent.toLowerCase()}-agent`);
    assert.equal(
      deployment?.metadata.annotations?.['agent-id.dev/agent-identity'],
      it.readEnv(`${agent}_AGENT_APP_ID`),
    );
  }
  assert.match(run.stdout, new RegExp(`api://${it.readEnv('MCP_APP_ID')}`));
});
