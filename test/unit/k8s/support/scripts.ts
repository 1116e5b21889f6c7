import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { K8S, VALUES } from './manifests.ts';

export interface Call {
  program: string;
  args: string[];
  /** Content of the file that `--filename` names, or of stdin with `--config -`. */
  text?: string;
}

export interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
  calls: Call[];
  /** Each call as one line, without the arguments that name context and namespace. */
  lines: string[];
}

/** The lines of a .env as people write it. */
export const ENV: Record<string, string> = {
  NAMESPACE: VALUES.NAMESPACE,
  TENANT_ID: VALUES.TENANT_ID,
  BLUEPRINT_APP_ID: VALUES.BLUEPRINT_APP_ID,
  RESEARCH_AGENT_APP_ID: VALUES.RESEARCH_AGENT_APP_ID,
  MCP_APP_ID: VALUES.MCP_APP_ID,
  AZURE_OPENAI_HOST: VALUES.AZURE_OPENAI_HOST,
  LLM_DEPLOYMENT: VALUES.LLM_DEPLOYMENT,
};

export const envText = (values: Record<string, string | undefined>): string =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

/** Runs a script of `k8s/` with stand-ins for the programs that it calls on the PATH, and no cluster anywhere. */
export async function runScript(
  t: TestContext,
  script: string,
  options: {
    env?: string;
    args?: string[];
    input?: string;
    fail?: string;
    folder?: string;
    environment?: Record<string, string>;
  },
): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-id-deploy-test-'));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'bin'));
  for (const program of ['kubectl', 'curl', 'kind', 'az']) {
    const path = join(folder, 'bin', program);
    const standIn = join(import.meta.dirname, 'kubectl.ts');
    await writeFile(path, `#!/bin/sh\nexec '${process.execPath}' '${standIn}' ${program} "$@"\n`);
    await chmod(path, 0o755);
  }
  const file = join(folder, '.env');
  const record = join(folder, 'calls');
  const files = options.env === undefined ? [] : ['--env', file];
  await writeFile(file, options.env ?? '');
  await writeFile(record, '');
  const child = spawn('sh', [join(options.folder ?? K8S, script), ...files, ...(options.args ?? [])], {
    cwd: folder,
    env: {
      PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
      TMPDIR: folder,
      CALLS: record,
      FAIL: options.fail ?? '',
      ...options.environment,
    },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {}); // a script that refuses its arguments reads no answer
  child.stdin.end(options.input ?? '');
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const calls = (await readFile(record, 'utf8'))
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Call);
  const lines = calls
    .filter(each => each.program === 'kubectl')
    .map(each =>
      each.args
        .join(' ')
        .replace(/^--context \S+ /, '')
        .replace(/^--namespace \S+ /, ''),
    );
  return { status, stdout, stderr: stderr.replaceAll(folder, ''), calls, lines };
}
