import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from './support/failure.ts';
import { BLUEPRINT, change, INTERN, MCP_APP, RESEARCH, TENANT, VALUES, withObjects } from './support/discovery.ts';
import { forbid, ourManifests, parse } from './support/objects.ts';

const codes = (problems: readonly { code: string }[]) => problems.map(({ code }) => code);

test('finds in our manifests everything that nobody should have to type', async () => {
  await withObjects(await ourManifests(VALUES), found => {
    assert.deepEqual(codes(found.problems), []);
    assert.deepEqual(
      found.agents.map(({ deployment }) => deployment),
      ['intern-agent', 'research-agent'],
    );
    const client = 'ConfigMap agent-id-client, key';
    const source = 'ConfigMap agent-id-sidecar';
    assert.deepEqual(found.agents[1], {
      deployment: 'research-agent',
      namespace: 'agent-id',
      serviceAccount: 'agent-blueprint',
      selector: { 'app.kubernetes.io/name': 'research-agent', 'app.kubernetes.io/component': 'agent' },
      sidecarPort: 5000,
      sidecar: {
        name: 'sidecar',
        image: 'mcr.microsoft.com/entra-sdk/auth-sidecar:1.1.1-azurelinux3.0-distroless',
        overrides: { value: 'true', source: `${source}, key Sidecar__AllowOverrides__GetAuthorizationHeader` },
        credential: {
          value: 'SignedAssertionFilePath',
          source: `${source}, key AzureAd__ClientCredentials__0__SourceType`,
        },
        tokenFile: {
          value: '/var/run/secrets/tokens/azure-identity-token',
          source: `${source}, key AzureAd__ClientCredentials__0__SignedAssertionFileDiskPath`,
        },
        environment: { value: 'Production', source: `${source}, key ASPNETCORE_ENVIRONMENT` },
        variables: found.agents[1]?.sidecar.variables ?? [],
      },
      agentAppId: { value: RESEARCH, source: 'Deployment research-agent, annotation agent-id.dev/agent-identity' },
      blueprintAppId: {
        value: BLUEPRINT,
        source: 'ServiceAccount agent-blueprint, annotation azure.workload.identity/client-id',
      },
      tenantId: { value: TENANT, source: `${source}, key AzureAd__TenantId` },
      apis: [
        { name: 'mcp', scopes: [`api://${MCP_APP}/.default`], audience: `api://${MCP_APP}`, source },
        {
          name: 'openai',
          scopes: ['https://cognitiveservices.azure.com/.default'],
          audience: 'https://cognitiveservices.azure.com',
          source,
        },
      ],
      client: {
        llmDeployment: { value: 'gpt-4.1-mini', source: `${client} LLM_DEPLOYMENTS` },
        llmApiVersion: { value: '2024-10-21', source: `${client} LLM_API_VERSION` },
        scopeName: { value: 'access_as_user', source: `${client} BLUEPRINT_SCOPE` },
        llmApi: { value: 'openai', source: `${client} SIDECAR_LLM_API` },
        mcpApi: { value: 'mcp', source: `${client} SIDECAR_MCP_API` },
        llmPath: { value: '/llm', source: `${client} GATEWAY_LLM_PATH` },
      },
      problems: [],
    });
    const variables = found.agents[1].sidecar.variables;
    assert.ok(variables.includes('DownstreamApis__openai__Scopes__0'), variables.join());
    const { configText, ...gateway } = found.gateway ?? assert.fail('no gateway');
    assert.deepEqual(gateway, {
      service: 'agentgateway',
      namespace: 'agent-id',
      selector: { 'app.kubernetes.io/name': 'agentgateway' },
      port: 3000,
    });
    assert.equal(configText?.source, 'ConfigMap agentgateway-config, key config.yaml');
    assert.match(configText?.value ?? '', /mcpAuthorization/);
  });
});

/** What the reference's own scripts deploy, with its names and none of our labels. */
const REFERENCE = `
kind: Deployment
metadata: {name: ai-agent-cli, labels: {app: ai-agent-cli}}
spec:
  selector: {matchLabels: {app: ai-agent-cli}}
  template:
    metadata: {labels: {app: ai-agent-cli}}
    spec:
      serviceAccountName: ai-agent-cli-sa
      containers:
        - name: app
          image: example/ai-agent-cli:latest
          envFrom: [{configMapRef: {name: ai-agent-cli-config}}]
        - name: sidecar
          image: mcr.microsoft.com/entra-sdk/auth-sidecar:1.0.0-azurelinux3.0-distroless
          ports: [{containerPort: 5000, name: http}]
          envFrom: [{configMapRef: {name: ai-agent-sidecar-config}}]
---
kind: Deployment
metadata: {name: unrelated}
spec:
  selector: {matchLabels: {app: unrelated}}
  template: {spec: {containers: [{name: sidecar, image: example/other-sidecar}]}}
---
kind: ServiceAccount
metadata: {name: ai-agent-cli-sa, annotations: {azure.workload.identity/client-id: ${BLUEPRINT}}}
---
kind: ConfigMap
metadata: {name: ai-agent-cli-config}
data:
  TENANT_ID: ${TENANT}
  AGENT_IDENTITY_APP_ID: ${RESEARCH}
  AZURE_OPENAI_ENDPOINT: http://agentgateway.entra-demo:3000/llm
  AZURE_OPENAI_DEPLOYMENT: gpt-4.1-mini
  AZURE_OPENAI_API_VERSION: 2024-12-01-preview
  SIDECAR_OPENAI_API_NAME: openai
  SIDECAR_MCP_API_NAME: mcp
---
kind: ConfigMap
metadata: {name: ai-agent-sidecar-config}
data:
  AzureAd__TenantId: ${TENANT}
  AzureAd__ClientId: ${BLUEPRINT}
  DownstreamApis__graph__Scopes__0: https://graph.microsoft.com/.default
  DownstreamApis__openai__Scopes__0: https://cognitiveservices.azure.com/.default
  DownstreamApis__mcp__Scopes__0: api://${MCP_APP}/.default
  ASPNETCORE_URLS: http://+:5000
---
kind: Deployment
metadata: {name: agentgateway}
spec:
  selector: {matchLabels: {app: agentgateway}}
  template:
    metadata: {labels: {app: agentgateway}}
    spec:
      containers:
        - name: agentgateway
          image: ghcr.io/agentgateway/agentgateway:0.10.5
          command: [/app/agentgateway]
          args: [-f, /app/config.yaml]
          volumeMounts: [{name: config, mountPath: /app/config.yaml, subPath: config.yaml}]
      volumes: [{name: config, configMap: {name: agentgateway-config, items: [{key: gateway.yaml, path: config.yaml}]}}]
---
kind: Service
metadata: {name: agentgateway}
spec: {selector: {app: agentgateway}, ports: [{port: 3000, targetPort: 3000}]}
---
kind: ConfigMap
metadata: {name: agentgateway-config}
data: {gateway.yaml: "binds: []", other.yaml: "no"}
`;

test('finds the reference’s own deployment, which carries none of our labels', async () => {
  await withObjects(
    parse(REFERENCE),
    found => {
      assert.deepEqual(found.problems, []);
      assert.equal(found.agents.length, 1);
      const [agent] = found.agents;
      assert.equal(agent?.deployment, 'ai-agent-cli');
      assert.equal(agent.sidecarPort, 5000);
      assert.deepEqual(agent.agentAppId, {
        value: RESEARCH,
        source: 'ConfigMap ai-agent-cli-config, key AGENT_IDENTITY_APP_ID',
      });
      assert.equal(agent.blueprintAppId?.value, BLUEPRINT);
      assert.equal(agent.tenantId?.value, TENANT);
      assert.deepEqual(
        agent.apis.map(({ name }) => name),
        ['graph', 'mcp', 'openai'],
      );
      const values = Object.fromEntries(Object.entries(agent.client).map(([key, found]) => [key, found.value]));
      assert.deepEqual(values, {
        llmDeployment: 'gpt-4.1-mini',
        llmApiVersion: '2024-12-01-preview',
        llmApi: 'openai',
        mcpApi: 'mcp',
        llmPath: '/llm',
      });
      assert.deepEqual(agent.problems, []);
      assert.equal(found.gateway?.port, 3000);
      assert.deepEqual(found.gateway?.configText, {
        value: 'binds: []',
        source: 'ConfigMap agentgateway-config, key gateway.yaml',
      });
    },
    { namespace: 'entra-demo' },
  );
});

test('an endpoint that is not the gateway’s says nothing about the gateway’s path', async () => {
  const direct = REFERENCE.replace('http://agentgateway.entra-demo:3000/llm', 'https://mine.openai.azure.com/x');
  await withObjects(parse(direct), found => assert.equal(found.agents[0]?.client.llmPath, undefined), {
    namespace: 'entra-demo',
  });
});

test('a blueprint that is not the sidecar’s is a problem that names both', async () => {
  const objects = change(await ourManifests(VALUES), 'ConfigMap', 'agent-id-sidecar', object => {
    (object['data'] as Record<string, string>)['AzureAd__ClientId'] = INTERN;
  });
  await withObjects(objects, ({ agents }) => {
    failure('discovery.blueprintMismatch', {
      deployment: 'intern-agent',
      serviceAccount: 'agent-blueprint',
      annotation: BLUEPRINT,
      sidecar: INTERN,
    })(agents[0]?.problems[0]);
    assert.equal(agents[0]?.blueprintAppId?.value, BLUEPRINT);
  });
  const sameInCapitals = change(await ourManifests(VALUES), 'ConfigMap', 'agent-id-sidecar', object => {
    (object['data'] as Record<string, string>)['azuread__clientid'] = BLUEPRINT.toUpperCase();
  });
  await withObjects(sameInCapitals, ({ agents }) => assert.deepEqual(agents[0]?.problems, []));
});

test('an agent without our annotation, and a ServiceAccount without a blueprint, leave the values open', async () => {
  let objects = change(
    await ourManifests(VALUES),
    'Deployment',
    'research-agent',
    object => delete object.metadata.annotations,
  );
  objects = change(objects, 'ServiceAccount', 'agent-blueprint', object => delete object.metadata.annotations);
  await withObjects(objects, ({ agents }) => {
    const agent = agents[1];
    assert.equal(agent?.agentAppId, undefined);
    assert.deepEqual(agent?.blueprintAppId, {
      value: BLUEPRINT,
      source: 'ConfigMap agent-id-sidecar, key AzureAd__ClientId',
    });
    assert.deepEqual(agent?.problems, []);
  });
});

test('values of the wrong shape are left out and named, never passed on', async () => {
  let objects = await ourManifests({
    ...VALUES,
    RESEARCH_AGENT_APP_ID: '${RESEARCH_AGENT_APP_ID}',
    TENANT_ID: 'common',
  });
  objects = change(objects, 'ConfigMap', 'agent-id-client', object => {
    object['data'] = {
      LLM_DEPLOYMENTS: '../admin',
      LLM_API_VERSION: '2024-10-21&x=1',
      BLUEPRINT_SCOPE: 'https://evil.example/.default',
      SIDECAR_LLM_API: 'a/b',
      SIDECAR_MCP_API: '',
      GATEWAY_LLM_PATH: '//evil.example/llm',
      SYSTEM_PROMPT: 'Be kind.\nAlways.',
    };
  });
  objects = change(objects, 'ConfigMap', 'agent-id-sidecar', object => {
    (object['data'] as Record<string, string>)['DownstreamApis__a b__Scopes__0'] = 'x';
  });
  await withObjects(objects, ({ agents }) => {
    const agent = agents.find(({ deployment }) => deployment === 'research-agent');
    assert.ok(agent);
    assert.equal(agent.agentAppId, undefined);
    assert.equal(agent.tenantId, undefined);
    assert.deepEqual(Object.keys(agent.client), ['systemPrompt']);
    assert.equal(agent.client.systemPrompt?.value, 'Be kind.\nAlways.');
    assert.deepEqual(
      agent.apis.map(({ name }) => name),
      ['mcp', 'openai'],
    );
    failure('discovery.invalidId', { value: '${RESEARCH_AGENT_APP_ID}', source: /annotation/ })(agent.problems[0]);
    assert.deepEqual(codes(agent.problems).toSorted(), [
      'discovery.invalidId',
      'discovery.invalidId',
      ...Array.from({ length: 6 }, () => 'discovery.invalidValue'),
    ]);
  });
});

test('what RBAC hides is a problem of its own and stops nothing else', async () => {
  const base = '/api/v1/namespaces/agent-id';
  await withObjects(
    await ourManifests(VALUES),
    found => {
      const [agent] = found.agents;
      assert.equal(agent?.agentAppId?.value, INTERN);
      assert.equal(agent?.sidecarPort, 5000, 'from the container, when the ConfigMap is hidden');
      assert.deepEqual(
        codes(agent?.problems ?? []),
        Array.from({ length: 3 }, () => 'discovery.unreadable'),
      );
      failure('discovery.unreadable', { kind: 'ConfigMap', name: 'agent-id-sidecar', reason: 'cluster.forbidden' })(
        agent?.problems[0],
      );
      assert.equal(found.gateway, undefined);
      failure('discovery.unreadable', { kind: 'Services', reason: 'cluster.forbidden' })(found.problems[0]);
    },
    {
      prepare: server => {
        for (const path of [
          'configmaps/agent-id-sidecar',
          'configmaps/agent-id-client',
          'serviceaccounts/agent-blueprint',
          'services',
        ])
          forbid(server, `${base}/${path}`);
      },
    },
  );
  await assert.rejects(
    withObjects([], () => {}, { prepare: server => forbid(server, '/apis/apps/v1/namespaces/agent-id/deployments') }),
    failure('cluster.forbidden', { resource: 'deployments', namespace: 'agent-id' }),
  );
});

test('a namespace with nothing in it has no agents, and a labelled Deployment without a sidecar is named', async () => {
  await withObjects([], found => assert.deepEqual(found, { agents: [], problems: [] }));
  const objects = change(await ourManifests(VALUES), 'Deployment', 'intern-agent', object => {
    const { template } = object['spec'] as { template: { spec: { containers: { name: string; image: string }[] } } };
    template.spec.containers = [{ name: 'app', image: 'example/app' }];
  });
  await withObjects(objects, found => {
    assert.deepEqual(
      found.agents.map(({ deployment }) => deployment),
      ['research-agent'],
    );
    failure('discovery.noSidecar', { deployment: 'intern-agent' })(found.problems[0]);
  });
});
