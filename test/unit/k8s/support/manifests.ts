import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { kustomize, parseObjects, type KubeObject } from './kustomize.ts';

export const K8S = join(import.meta.dirname, '../../../../k8s');

/** One made-up value per variable of the manifests. */
export const VALUES = {
  NAMESPACE: 'agents',
  TENANT_ID: '11111111-1111-4111-8111-111111111111',
  ENTRA_INSTANCE: 'https://login.microsoftonline.com/',
  BLUEPRINT_APP_ID: '22222222-2222-4222-8222-222222222222',
  RESEARCH_AGENT_APP_ID: '33333333-3333-4333-8333-333333333333',
  INTERN_AGENT_APP_ID: '44444444-4444-4444-8444-444444444444',
  MCP_APP_ID: '55555555-5555-4555-8555-555555555555',
  LLM_DEPLOYMENT: 'gpt-4.1-mini',
  LLM_API_VERSION: '2024-10-21',
  AGENT_APP_IDS: "'33333333-3333-4333-8333-333333333333','44444444-4444-4444-8444-444444444444'",
  AZURE_OPENAI_HOST: 'agents-model.openai.azure.com',
  SIDECAR_CONFIG_HASH: '4294967295',
  GATEWAY_CONFIG_HASH: '12',
  DEVELOPER: 'ada@contoso.example',
};

/** `k8s/render.sh`, the renderer that deploy.sh uses. */
export function renderScript(
  text: string,
  values: Record<string, string>,
): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync('sh', [join(K8S, 'render.sh')], {
    input: text,
    env: { PATH: process.env.PATH, ...values },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** A copy of `k8s/` with every manifest rendered, as deploy.sh makes one. */
export function renderedCopy(values: Record<string, string> = VALUES): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'agent-id-k8s-test-'));
  const files = readdirSync(K8S, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.yaml'));
  for (const name of files) {
    const { status, stdout, stderr } = renderScript(readFileSync(join(K8S, name), 'utf8'), values);
    if (status !== 0) throw new Error(`${name}: ${stderr}`);
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), stdout);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}

/** Everything that deploy.sh can deploy: by the name of the variant. */
export async function variants(): Promise<Map<string, KubeObject[]>> {
  const { folder, remove } = renderedCopy();
  try {
    const found = new Map<string, KubeObject[]>();
    for (const name of ['base', 'overlays/kind', 'overlays/aks']) {
      found.set(name, await kustomize(join(folder, name)));
      const debugged = kustomize(join(folder, name)).then(objects =>
        kustomize(join(folder, 'overlays/debug'), objects),
      );
      found.set(`${name} + debug`, await debugged);
    }
    return found;
  } finally {
    remove();
  }
}

/** The examples, rendered. */
export function examples(): KubeObject[] {
  const folder = join(K8S, 'examples');
  const texts = readdirSync(folder).map(name => readFileSync(join(folder, name), 'utf8'));
  return texts.flatMap(text => parseObjects(renderScript(text, VALUES).stdout));
}
