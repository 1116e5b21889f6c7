import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createSigningKey, type SigningKey } from './keys.ts';

/** What the command line may choose. */
export interface WorldOptions {
  /** Version of the sidecar to play: its rules changed between 1.0.0 and 1.1.x. */
  sidecarVersion?: '1.0.0' | '1.1.1';
  /** Lifetime in seconds of every token with a user; unset: random 60 to 90 minutes, as Entra does. */
  tokenLifetimeSeconds?: number;
  /** Claims to add to (or to replace in) every token with a user. */
  userClaims?: Readonly<Record<string, unknown>>;
  /** Name of the LLM deployment that the cluster's configuration announces. */
  llmModel?: string;
  /** Where progress goes; never a token. Default: nowhere. */
  log?: (message: string) => void;
}

export interface Application {
  readonly appId: string;
  /** Object id of its service principal. */
  readonly objectId: string;
  readonly name: string;
}

/** An application that exposes one delegated scope under an App ID URI. */
export interface Api extends Application {
  /** App ID URI, `api://…` or the https name of a Microsoft service. */
  readonly uri: string;
  readonly scope: string;
  /** `requestedAccessTokenVersion`: it decides the shape of the tokens *for* this application. */
  readonly tokenVersion: 1 | 2;
}

export interface Agent extends Application {
  /** Its Deployment in the cluster. */
  readonly deployment: string;
  /** The agent's own user account, for the flow in which it acts as a user of its own. */
  readonly userAccount: User;
}

export interface User {
  readonly oid: string;
  readonly upn: string;
  readonly name: string;
  readonly givenName: string;
  readonly familyName: string;
}

/** One request that a part of the sandbox answered: never a token, a body or a query. */
export interface RequestRecord {
  readonly part: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Milliseconds since the epoch, real time. */
  readonly at: number;
}

/** The switches of one part, as the control endpoint shows them under `/<name>`. */
export interface SwitchPanel {
  read(): unknown;
  /** Throws on a body that it does not understand; may answer more than `read` does. Both may be asynchronous. */
  apply(body: unknown): unknown;
  reset(): unknown;
}

/** Everything that the parts of one running sandbox share. */
export interface World {
  /** Absolute path of a private temporary directory, removed by `close`. */
  readonly directory: string;
  readonly tenantId: string;
  readonly tenantName: string;
  /** Kubernetes: name of the context, of the namespace and of the agents' ServiceAccount. */
  readonly context: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly blueprint: Api;
  /** First `research-agent` (the gateway's rules allow it), then `intern-agent` (they refuse it). */
  readonly agents: readonly [Agent, Agent];
  readonly mcpApp: Api;
  /** Cognitive Services: the resource of Azure OpenAI. */
  readonly azureOpenAi: Api;
  readonly graph: Api;
  /** Public clients that may sign users in by device code. */
  readonly publicClients: readonly Application[];
  readonly users: readonly [User, User, ...User[]];
  readonly llmModel: string;
  readonly sidecarVersion: '1.0.0' | '1.1.1';
  readonly tokenLifetimeSeconds: number | undefined;
  readonly userClaims: Readonly<Record<string, unknown>>;
  /** Signs what Entra issues; one key set serves both token versions. */
  readonly entraKey: SigningKey;
  /** Signs the projected ServiceAccount tokens of the simulated cluster. */
  readonly clusterKey: SigningKey;
  /** `iss` of the cluster's ServiceAccount tokens, and the issuer of the blueprint's federated credential; `startIssuer` names it once it listens. */
  clusterIssuer: string;
  /** The clock of every part; the control endpoint moves it. */
  readonly clock: { now(): number; offsetSeconds: number };
  readonly requests: RequestRecord[];
  readonly panels: Map<string, SwitchPanel>;
  log(message: string): void;
  record(request: Omit<RequestRecord, 'at'>): void;
  close(): Promise<void>;
}

const KEPT_REQUESTS = 2000;

/** A world with its own keys and temporary directory. The ids are made up, and the same in every sandbox. */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const directory = await mkdtemp(path.join(tmpdir(), 'agent-id-sandbox-'));
  const clock = {
    offsetSeconds: 0,
    now: () => Date.now() + clock.offsetSeconds * 1000,
  };
  const requests: RequestRecord[] = [];
  const [entraKey, clusterKey] = await Promise.all([
    createSigningKey('SANDBOX Entra signing key'),
    createSigningKey('SANDBOX cluster signing key'),
  ]);
  const mcpAppId = '5f2c7d3e-8b1a-4e6f-9c04-d7a3b2e1f605';
  const blueprintAppId = '3b8e1f52-6c0d-4a97-b3e4-91d5c2a7f810';
  return {
    directory,
    tenantId: '9d4f6a1b-27c8-4e35-8a60-f1b2c3d4e5a7',
    tenantName: 'sandbox.example',
    context: 'agent-id-sandbox',
    namespace: 'agent-id',
    serviceAccount: 'agent-blueprint',
    blueprint: {
      appId: blueprintAppId,
      objectId: 'c61a9e04-5d7b-4f28-a1c3-0e8b6d9f2a37',
      name: 'Agent Blueprint (SANDBOX)',
      uri: `api://${blueprintAppId}`,
      scope: 'access_as_user',
      tokenVersion: 2,
    },
    agents: [
      {
        appId: '7e02d9c4-1f6b-4b83-9a5d-3c8e7f160b29',
        objectId: '7e02d9c4-1f6b-4b83-9a5d-3c8e7f160b29',
        name: 'Research Agent (SANDBOX)',
        deployment: 'research-agent',
        userAccount: agentUser('c3d27e84-61b0-4f95-a8e2-7b1c9f0d5a36', 'Research Agent'),
      },
      {
        appId: 'a4b7c815-90de-4d2f-86f1-5b3a0c9e7d64',
        objectId: 'a4b7c815-90de-4d2f-86f1-5b3a0c9e7d64',
        name: 'Intern Agent (SANDBOX)',
        deployment: 'intern-agent',
        userAccount: agentUser('e5a1f9b8-2c74-4d03-96be-0a8d7c3f4e12', 'Intern Agent'),
      },
    ],
    mcpApp: {
      appId: mcpAppId,
      objectId: '18d3f7a9-4e2c-4b60-8f95-6a7c0d1e2b3f',
      name: 'MCP Servers (SANDBOX)',
      uri: `api://${mcpAppId}`,
      scope: 'access_as_user',
      tokenVersion: 1,
    },
    azureOpenAi: {
      appId: '7d312290-28c8-473c-a0ed-8e53749b6d6d',
      objectId: 'e2c5b8a1-7f3d-4906-b4d2-9c1e8f0a6b57',
      name: 'Microsoft Cognitive Services',
      uri: 'https://cognitiveservices.azure.com',
      scope: 'user_impersonation',
      tokenVersion: 1,
    },
    graph: {
      appId: '00000003-0000-0000-c000-000000000000',
      objectId: '4c9b2e7f-0a1d-4683-95ce-d8f7a6b5c4e3',
      name: 'Microsoft Graph',
      uri: 'https://graph.microsoft.com',
      scope: 'User.Read',
      tokenVersion: 1,
    },
    publicClients: [
      {
        appId: '14d82eec-204b-4c2f-b7e8-296a70dab67e',
        objectId: '6f1e0d2c-3b4a-4958-8776-a5b4c3d2e1f0',
        name: 'Microsoft Graph Command Line Tools',
      },
      {
        appId: 'd5e8a073-2c9f-4b16-a7d4-8f0b3c6e1952',
        objectId: 'b09c8d7e-6f5a-4b3c-92d1-e0f1a2b3c4d5',
        name: 'Agent ID for VS Code (SANDBOX)',
      },
    ],
    users: [
      {
        oid: '2a6c9f10-b3d4-4e57-8a1b-7c0d9e8f5a62',
        upn: 'ada@sandbox.example',
        name: 'Ada Sandbox',
        givenName: 'Ada',
        familyName: 'Sandbox',
      },
      {
        oid: '8f3b1d7e-5c20-4a96-b8e4-1d6f0a2c7b95',
        upn: 'grace@sandbox.example',
        name: 'Grace Sandbox',
        givenName: 'Grace',
        familyName: 'Sandbox',
      },
    ],
    llmModel: options.llmModel ?? 'sandbox-demo',
    sidecarVersion: options.sidecarVersion ?? '1.1.1',
    tokenLifetimeSeconds: options.tokenLifetimeSeconds,
    userClaims: options.userClaims ?? {},
    entraKey,
    clusterKey,
    clusterIssuer: 'https://oidc.agent-id-sandbox.example',
    clock,
    requests,
    panels: new Map(),
    log: options.log ?? (() => {}),
    record(request) {
      requests.push({ ...request, at: Date.now() });
      if (requests.length > KEPT_REQUESTS) requests.splice(0, requests.length - KEPT_REQUESTS);
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
}

function agentUser(oid: string, name: string): User {
  const [givenName = '', familyName = ''] = name.split(' ');
  return { oid, upn: `${name.toLowerCase().replace(' ', '-')}@sandbox.example`, name, givenName, familyName };
}
