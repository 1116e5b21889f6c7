// `npm run test:gateway-schema -- FILE`: the gateway's file of every variant of k8s/, and the one of the policy matrix where it
// was written, against AgentGateway's own schema (agentgateway/agentgateway, schema/config.json), which is not part of
// this repository: FILE is a copy of it. The last line is `N passed, N failed`.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { parse } from 'yaml';
import { variants } from '../test/unit/k8s/support/manifests.ts';
import { gatewayValidator } from '../test/unit/k8s/support/schemas.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const [schema, ...files] = positionals;
if (!schema) {
  console.error('usage: npm run test:gateway-schema -- SCHEMA [FILE…]');
  process.exit(2);
}
const problems = gatewayValidator(JSON.parse(readFileSync(schema, 'utf8')));
const configMap = v.object({ data: v.object({ 'config.yaml': v.string() }) });
const texts = new Map(files.map(file => [file, readFileSync(file, 'utf8')]));
for (const [variant, objects] of await variants())
  for (const object of objects)
    if (object.metadata.name === 'agentgateway-config')
      texts.set(`k8s, ${variant}`, v.parse(configMap, object).data['config.yaml']);

let failed = 0;
for (const [name, text] of texts) {
  const found = problems(parse(text));
  if (found.length > 0) failed++;
  console.log(`${found.length > 0 ? '✖' : '✔'} ${name}${found.map(problem => `\n    ${problem}`).join('')}`);
}
console.log(`\n${texts.size - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 || texts.size === 0 ? 1 : 0;
