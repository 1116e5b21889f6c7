import { stringify } from 'yaml';
import type { KubeObject } from './types.ts';

const NAMESPACE = 'entra-demo';

/**
 * The objects that the terminal client's deployment script makes (christian-posta/entra-agent-id-agw, `ai-agent-cli`):
 * the same names, containers, images and ConfigMap keys; none of our labels and annotations; a gateway file of the
 * older shape. Whoever deployed it has broad rights in its namespace, so the developer gets them here.
 */
export function reference(values: Readonly<Record<string, string>>, developer: string): KubeObject[] {
  const value = (name: string) => values[name] ?? '';
  const metadata = (name: string, more: object = {}) => ({ name, namespace: NAMESPACE, ...more });
  const core = { apiVersion: 'v1' };
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1' };
  return [
    { ...core, kind: 'Namespace', metadata: { name: NAMESPACE } },
    {
      ...core,
      kind: 'ServiceAccount',
      metadata: metadata('ai-agent-cli-sa', {
        annotations: { 'azure.workload.identity/client-id': value('BLUEPRINT_APP_ID') },
        labels: { 'azure.workload.identity/use': 'true' },
      }),
    },
    {
      ...core,
      kind: 'ConfigMap',
      metadata: metadata('ai-agent-sidecar-config'),
      data: {
        AzureAd__Instance: value('ENTRA_INSTANCE'),
        AzureAd__TenantId: value('TENANT_ID'),
        AzureAd__ClientId: value('BLUEPRINT_APP_ID'),
        AzureAd__ClientCredentials__0__SourceType: 'SignedAssertionFilePath',
        AzureAd__ClientCredentials__0__SignedAssertionFileDiskPath: '/var/run/secrets/tokens/azure-identity-token',
        DownstreamApis__graph__BaseUrl: 'https://graph.microsoft.com/v1.0/',
        DownstreamApis__graph__Scopes__0: 'https://graph.microsoft.com/.default',
        DownstreamApis__graph__RequestAppToken: 'true',
        DownstreamApis__openai__BaseUrl: `http://agentgateway.${NAMESPACE}:3000/llm`,
        DownstreamApis__openai__Scopes__0: 'https://cognitiveservices.azure.com/.default',
        DownstreamApis__openai__RequestAppToken: 'false',
        DownstreamApis__mcp__BaseUrl: 'https://mcp-gateway/',
        DownstreamApis__mcp__Scopes__0: `api://${value('MCP_APP_ID')}/.default`,
        DownstreamApis__mcp__RequestAppToken: 'false',
        ASPNETCORE_ENVIRONMENT: 'Production',
        ASPNETCORE_URLS: 'http://+:5000',
      },
    },
    {
      ...core,
      kind: 'ConfigMap',
      metadata: metadata('ai-agent-cli-config'),
      data: {
        AUTH_MODE: 'entra',
        TOKEN_PROVIDER_MODE: 'sidecar',
        SIDECAR_URL: 'http://localhost:5000',
        SIDECAR_OPENAI_API_NAME: 'openai',
        SIDECAR_MCP_API_NAME: 'mcp',
        TENANT_ID: value('TENANT_ID'),
        BLUEPRINT_APP_ID: value('BLUEPRINT_APP_ID'),
        AGENT_IDENTITY_APP_ID: value('RESEARCH_AGENT_APP_ID'),
        AZURE_OPENAI_ENDPOINT: `http://agentgateway.${NAMESPACE}:3000/llm`,
        AZURE_OPENAI_DEPLOYMENT: value('LLM_DEPLOYMENT'),
        AZURE_OPENAI_API_VERSION: value('LLM_API_VERSION'),
      },
    },
    deployment(
      'ai-agent-cli',
      {
        serviceAccountName: 'ai-agent-cli-sa',
        containers: [
          {
            name: 'app',
            image: 'ceposta/ai-agent-cli:latest',
            command: ['sleep', 'infinity'],
            envFrom: [{ configMapRef: { name: 'ai-agent-cli-config' } }],
          },
          {
            name: 'sidecar',
            image: 'mcr.microsoft.com/entra-sdk/auth-sidecar:1.0.0-azurelinux3.0-distroless',
            ports: [{ name: 'http', containerPort: 5000 }],
            envFrom: [{ configMapRef: { name: 'ai-agent-sidecar-config' } }],
          },
        ],
      },
      { app: 'ai-agent-cli' },
    ),
    deployment('agentgateway', {
      containers: [
        {
          name: 'agentgateway',
          image: 'ghcr.io/agentgateway/agentgateway:0.10.5',
          command: ['/app/agentgateway'],
          args: ['-f', '/app/config.yaml'],
          volumeMounts: [{ name: 'config', mountPath: '/app/config.yaml', subPath: 'config.yaml' }],
        },
      ],
      volumes: [
        {
          name: 'config',
          configMap: { name: 'agentgateway-config', items: [{ key: 'config.yaml', path: 'config.yaml' }] },
        },
      ],
    }),
    {
      ...core,
      kind: 'Service',
      metadata: metadata('agentgateway'),
      spec: { selector: { app: 'agentgateway' }, ports: [{ protocol: 'TCP', port: 3000, targetPort: 3000 }] },
    },
    {
      ...core,
      kind: 'ConfigMap',
      metadata: metadata('agentgateway-config'),
      data: { 'config.yaml': gatewayFile(value('TENANT_ID'), value('MCP_APP_ID'), value('RESEARCH_AGENT_APP_ID')) },
    },
    {
      ...rbac,
      kind: 'Role',
      metadata: metadata('sandbox-developer'),
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
    },
    {
      ...rbac,
      kind: 'RoleBinding',
      metadata: metadata('sandbox-developer'),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'sandbox-developer' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: developer }],
    },
  ];
}

function deployment(name: string, spec: object, labels?: Record<string, string>): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: NAMESPACE, ...(labels && { labels }) },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec },
    },
  };
}

/** A gateway file with `binds`, as version 0.10 wanted it; newer versions still read it. */
function gatewayFile(tenant: string, mcpAppId: string, agent: string): string {
  const jwtAuth = (audience: string) => ({
    mode: 'strict',
    issuer: `https://sts.windows.net/${tenant}/`,
    audiences: [audience],
    jwks: { url: `https://login.microsoftonline.com/${tenant}/discovery/v2.0/keys` },
  });
  const llm = {
    name: 'openai',
    matches: [{ path: { pathPrefix: '/llm' } }],
    backends: [{ ai: { name: 'openai', hostOverride: 'example.openai.azure.com:443', provider: { openAI: {} } } }],
    policies: {
      backendAuth: { passthrough: {} },
      jwtAuth: jwtAuth('https://cognitiveservices.azure.com'),
      authorization: { rules: ['jwt.sub != null'] },
    },
  };
  const target = (name: string, host: string, path: string) => ({ name, mcp: { host, port: 443, path } });
  const mcp = {
    matches: [{ path: { exact: '/mcp' } }],
    backends: [
      {
        mcp: {
          targets: [target('microsoft', 'learn.microsoft.com', '/api/mcp'), target('exa-ai', 'mcp.exa.ai', '/mcp')],
        },
      },
    ],
    policies: {
      jwtAuth: jwtAuth(`api://${mcpAppId}`),
      mcpAuthorization: { rules: [`jwt.appid == '${agent}' && '11' in jwt.xms_act_fct.split(' ')`] },
      backendTLS: {},
    },
  };
  return stringify({ binds: [{ port: 3000, listeners: [{ routes: [llm, mcp] }] }] });
}
