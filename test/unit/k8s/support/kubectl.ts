// A stand-in for kubectl, curl, kind and az: writes down each call as a line of JSON in $CALLS, and answers like a cluster
// in which everything works, except for what $FAIL (a regular expression over the arguments) matches.
import { appendFileSync, readFileSync } from 'node:fs';

const [program = '', ...args] = process.argv.slice(2);
const line = args.join(' ');
const file = /--filename (\S+)/.exec(line)?.[1] ?? (line.endsWith('--config -') ? 0 : undefined);
const call = { program, args, ...(file !== undefined && { text: readFileSync(file, 'utf8') }) };
appendFileSync(process.env['CALLS'] ?? '', `${JSON.stringify(call)}\n`);

const KEYS = '{"keys":[]}';
const answers: [RegExp, () => Promise<string> | string][] = [
  [/^config current-context$/, () => 'kind-agents\n'],
  [/config view/, () => 'https://cluster.example:6443'],
  [/^kustomize /, () => built(args[1] ?? '')],
  [/get deployments,.*--output name/, () => process.env['FOUND'] ?? 'deployment.apps/research-agent\n'],
  [/get deployments .*--output name/, () => 'deployment.apps/research-agent\ndeployment.apps/old-agent\n'],
  [/get --raw \/\.well-known/, () => JSON.stringify({ issuer: process.env['ISSUER'] ?? 'https://issuer.example/1' })],
  [/get --raw \/openid/, () => KEYS],
  [/^--silent --max-time 10/, () => process.env['PUBLISHED'] ?? KEYS],
  [/get serviceaccount /, () => process.env['BLUEPRINT_BEFORE'] ?? ''],
  [/get rolebinding /, () => process.env['BOUND'] ?? ''],
  [/^storage account show /, () => '/subscriptions/1/storageAccounts/contosooidc'],
  [/get pods/, () => 'research-agent-1   0/1   ImagePullBackOff\n'],
  [/^--silent/, () => process.env['TENANT_STATUS'] ?? '200'],
];

if (process.env['FAIL'] && new RegExp(process.env['FAIL']).test(line)) {
  console.error(`the stand-in fails: ${line}`);
  process.exitCode = 1;
} else process.stdout.write((await answers.find(([pattern]) => pattern.test(line))?.[1]()) ?? '');

/** Loaded only where it is needed: a script calls kubectl a dozen times. */
async function built(folder: string): Promise<string> {
  const [{ kustomize }, { stringify }] = [await import('./kustomize.ts'), await import('yaml')];
  return (await kustomize(folder)).map(each => stringify(each)).join('---\n');
}
