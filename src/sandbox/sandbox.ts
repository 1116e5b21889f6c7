import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCertificateAuthority } from './ca.ts';
import { startControl } from './control.ts';
import { startEntra, type Entra } from './entra/entra.ts';
import { LOGIN_FIELDS } from './entra/loginPage.ts';
import { startGateway } from './gateway/gateway.ts';
import { renderGatewayFile } from './gateway/render.ts';
import { clusterJwk, startIssuer } from './issuer.ts';
import { startKubernetes } from './kube/kube.ts';
import { kubePanel } from './kubePanel.ts';
import { startMcpServers } from './mcp/servers.ts';
import { startModel } from './model/model.ts';
import { startSidecar } from './sidecar/sidecar.ts';
import { environmentOf, readSettings } from './sidecar/settings.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

/** The manifests of the project's own cluster folder, from the sources and from `dist/sandbox` alike. */
const MANIFESTS = fileURLToPath(new URL('../../k8s', import.meta.url));
const LLM_API_VERSION = '2025-04-01-preview';
/** Port of the gateway inside the cluster, as its Service and its Deployment say. */
const GATEWAY_PORT = 3000;

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
    const issuer = await started(startIssuer({ world, ca }));
    const entra = await started(startEntra({ world, ca }));
    const mcp = await started(startMcpServers({ clock: world.clock }));
    world.panels.set('mcp', mcp.panel);
    const { llmUrl: url, llmKey: key } = options;
    const real = url === undefined ? undefined : { url, model: world.llmModel, ...(key !== undefined && { key }) };
    const model = await started(startModel({ clock: world.clock, deployments: [world.llmModel], real }));
    world.panels.set('model', model.panel);

    const values = manifestValues(world, entra);
    const manifest = (name: string) => readFile(path.join(MANIFESTS, 'base', name), 'utf8');
    const gatewayManifest = await manifest('agentgateway-config.yaml');
    const jwksFile = path.join(world.directory, 'jwks.json');
    await writeFile(jwksFile, JSON.stringify(entra.jwks));
    const mcpTargets = { microsoft: mcp.microsoft.url, 'exa-ai': mcp.exa.url };
    const gatewayFile = (port: number) =>
      renderGatewayFile(gatewayManifest, values, {
        issuer: entra.issuerV1,
        jwksFile,
        model: model.origin,
        mcpTargets,
        port,
      });
    const gatewayConfigFile = path.join(world.directory, 'agentgateway.yaml');
    const gateway = await gatewayFor(world, options, gatewayConfigFile, gatewayFile);
    parts.push(gateway);

    const sidecar = await started(
      startSidecar({
        world,
        settings: readSettings(environmentOf(await manifest('sidecar-config.yaml'), values)),
        issuers: [entra.issuerV1, entra.issuerV2],
        caPem: ca.pem,
        services: new Map([[`agentgateway.${world.namespace}:${GATEWAY_PORT}`, gateway.origin]]),
      }),
    );
    const address = (origin: string) => new URL(origin).host;
    const kubernetes = await started(
      startKubernetes({
        ca,
        directory: world.directory,
        manifests: MANIFESTS,
        values,
        gatewayConfigText: gatewayFile(GATEWAY_PORT),
        ports: {
          sidecar: Object.fromEntries(world.agents.map(agent => [agent.deployment, address(sidecar.origin)])),
          gateway: address(gateway.origin),
        },
        issuer: { named: () => issuer.named(), keys: [clusterJwk(world)] },
        user: 'developer',
        clock: world.clock,
      }),
    );
    world.panels.set('kubernetes', kubePanel(kubernetes.control));

    const connection: Connection = {
      version: 1,
      authority: `${entra.origin}/${world.tenantId}`,
      tenantId: world.tenantId,
      caFile,
      kubeconfig: kubernetes.kubeconfig,
      context: kubernetes.context,
      namespace: kubernetes.namespace,
      blueprintAppId: world.blueprint.appId,
      scope: `${world.blueprint.uri}/${world.blueprint.scope}`,
      agents: world.agents.map(({ appId, name, deployment }) => ({ appId, name, deployment })),
      mcpAppId: world.mcpApp.appId,
      mcpScope: `${world.mcpApp.uri}/${world.mcpApp.scope}`,
      llmModel: world.llmModel,
      sidecarVersion: world.sidecarVersion,
      users: world.users.map(({ upn, oid, name }) => ({ upn, oid, name })),
      gatewayConfigFile,
      direct: { sidecar: sidecar.origin, gateway: gateway.origin, llm: model.baseUrl, mcp: mcp.direct },
      login: { url: entra.loginUrl, ...LOGIN_FIELDS },
      controlUrl: control.origin,
      controlToken: control.token,
    };
    return { connection, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The gateway in front of model and MCP servers, and its file: the simulated one on the file's port, or the real one
 * that the person runs with that file.
 */
async function gatewayFor(
  world: World,
  options: SandboxOptions,
  file: string,
  text: (port: number) => string,
): Promise<{ origin: string; close(): Promise<void> }> {
  if (options.gatewayUrl !== undefined) {
    const { origin, port } = new URL(options.gatewayUrl);
    await writeFile(file, text(options.gatewayPort ?? Number(port || GATEWAY_PORT)));
    return { origin, close: async () => {} };
  }
  await writeFile(file, text(options.gatewayPort ?? GATEWAY_PORT));
  const log = (line: string) => world.log(`gateway: ${line}`);
  const gateway = await startGateway({ file, port: options.gatewayPort ?? 0, clock: world.clock, log });
  await writeFile(file, text(gateway.port)); // a real gateway that reads it later takes the same place
  return gateway;
}

/** One value per `${VAR}` of the manifests; `k8s/README.md` lists them. */
function manifestValues(world: World, entra: Entra): Record<string, string> {
  const [research, intern] = world.agents;
  return {
    NAMESPACE: world.namespace,
    TENANT_ID: world.tenantId,
    ENTRA_INSTANCE: `${entra.origin}/`,
    BLUEPRINT_APP_ID: world.blueprint.appId,
    RESEARCH_AGENT_APP_ID: research.appId,
    INTERN_AGENT_APP_ID: intern.appId,
    MCP_APP_ID: world.mcpApp.appId,
    LLM_DEPLOYMENT: world.llmModel,
    LLM_API_VERSION,
    AGENT_APP_IDS: `'${research.appId}'`, // the gateway's rules know only the first agent
    AZURE_OPENAI_HOST: 'azure-openai.invalid', // replaced in the file that the sandbox's gateway reads
    SIDECAR_CONFIG_HASH: 'sandbox',
    GATEWAY_CONFIG_HASH: 'sandbox',
    DEVELOPER: 'developer',
  };
}
