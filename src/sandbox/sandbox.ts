import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCertificateAuthority } from './ca.ts';
import { startControl } from './control.ts';
import { startEntra } from './entra/entra.ts';
import { startSidecar } from './sidecar/sidecar.ts';
import { environmentOf, readSettings } from './sidecar/settings.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

/** The manifests of the project's own cluster folder, from the sources and from `dist/sandbox` alike. */
const MANIFESTS = fileURLToPath(new URL('../../k8s', import.meta.url));
const LLM_API_VERSION = '2025-04-01-preview';

export interface SandboxOptions extends WorldOptions {
  /** Origin of a real AgentGateway to use in place of the simulated one. */
  gatewayUrl?: string;
  /** Fixed listener port in the gateway's file. */
  gatewayPort?: number;
  /** A real OpenAI-compatible model in place of the demo model; its base URL, with `llmModel` as its name. */
  llmUrl?: string;
  /** Key of that model. */
  llmKey?: string;
}

/** The sandbox's one line of JSON, version 1. Paths are absolute, `direct` holds origins. */
export interface Connection {
  readonly version: 1;
  readonly authority: string;
  readonly tenantId: string;
  readonly caFile: string;
  readonly kubeconfig: string;
  readonly context: string;
  readonly namespace: string;
  readonly blueprintAppId: string;
  readonly scope: string;
  readonly agents: readonly { readonly appId: string; readonly name: string; readonly deployment: string }[];
  readonly mcpAppId: string;
  readonly mcpScope: string;
  readonly llmModel: string;
  readonly sidecarVersion: string;
  readonly users: readonly { readonly upn: string; readonly oid: string; readonly name: string }[];
  readonly gatewayConfigFile: string;
  readonly direct: {
    readonly sidecar: string;
    readonly gateway: string;
    /** Ends in `/v1`. */
    readonly llm: string;
    readonly mcp: readonly { readonly name: string; readonly url: string }[];
  };
  readonly login: { readonly url: string; readonly codeField: string; readonly userField: string };
  readonly controlUrl: string;
  readonly controlToken: string;
}

export interface Sandbox {
  readonly connection: Connection;
  close(): Promise<void>;
}

/** Starts every part and resolves when all of them answer; what was started is closed again when one fails. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const world = await createWorld(options);
  const parts: { close(): Promise<unknown> }[] = [world];
  const started = async <T extends { close(): Promise<unknown> }>(starting: Promise<T>): Promise<T> => {
    const part = await starting;
    parts.push(part);
    return part;
  };
  const close = async (): Promise<void> => {
    for (const part of parts.splice(0).reverse()) await part.close();
  };
  try {
    const ca = await createCertificateAuthority();
    const caFile = path.join(world.directory, 'ca.pem');
    await writeFile(caFile, ca.pem);
    const control = await started(startControl(world));
    const entra = await started(startEntra({ world, ca }));
    const values = manifestValues(world, entra.origin);
    const sidecarManifest = await readFile(path.join(MANIFESTS, 'base', 'sidecar-config.yaml'), 'utf8');
    const sidecar = await started(
      startSidecar({
        world,
        settings: readSettings(environmentOf(sidecarManifest, values)),
        issuers: [entra.issuerV1, entra.issuerV2],
        caPem: ca.pem,
        services: new Map(),
      }),
    );
    const connection: Connection = {
      version: 1,
      authority: `${entra.origin}/${world.tenantId}`,
      tenantId: world.tenantId,
      caFile,
      kubeconfig: '',
      context: world.context,
      namespace: world.namespace,
      blueprintAppId: world.blueprint.appId,
      scope: `${world.blueprint.uri}/${world.blueprint.scope}`,
      agents: world.agents.map(({ appId, name, deployment }) => ({ appId, name, deployment })),
      mcpAppId: world.mcpApp.appId,
      mcpScope: `${world.mcpApp.uri}/${world.mcpApp.scope}`,
      llmModel: world.llmModel,
      sidecarVersion: world.sidecarVersion,
      users: world.users.map(({ upn, oid, name }) => ({ upn, oid, name })),
      gatewayConfigFile: '',
      direct: { sidecar: sidecar.origin, gateway: '', llm: '', mcp: [] },
      login: { url: entra.loginUrl, codeField: 'code', userField: 'user' },
      controlUrl: control.origin,
      controlToken: control.token,
    };
    return { connection, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** One value per `${VAR}` of the manifests; `k8s/README.md` lists them. */
function manifestValues(world: World, entraOrigin: string): Record<string, string> {
  const [research, intern] = world.agents;
  return {
    NAMESPACE: world.namespace,
    TENANT_ID: world.tenantId,
    ENTRA_INSTANCE: `${entraOrigin}/`,
    BLUEPRINT_APP_ID: world.blueprint.appId,
    RESEARCH_AGENT_APP_ID: research.appId,
    INTERN_AGENT_APP_ID: intern.appId,
    MCP_APP_ID: world.mcpApp.appId,
    LLM_DEPLOYMENT: world.llmModel,
    LLM_API_VERSION,
    AGENT_APP_IDS: `'${research.appId}'`, // the gateway's rules know only the first agent
    AZURE_OPENAI_HOST: 'azure-openai.invalid', // replaced in the file that the sandbox's gateway reads
    DEVELOPER: 'developer',
  };
}
