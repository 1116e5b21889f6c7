import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import * as v from 'valibot';
import type { KubeObject } from './support/kustomize.ts';
import { VALUES, variants } from './support/manifests.ts';

const probe = v.object({
  httpGet: v.object({
    path: v.string(),
    port: v.string(),
    host: v.optional(v.never()),
    httpHeaders: v.array(v.object({ name: v.string(), value: v.string() })),
  }),
});
const agent = v.object({
  spec: v.object({
    template: v.object({
      spec: v.object({
        securityContext: v.object({ runAsUser: v.number(), runAsGroup: v.number(), fsGroup: v.number() }),
        containers: v.tuple([v.object({ livenessProbe: probe, readinessProbe: probe })]),
      }),
    }),
  }),
});

let all: Map<string, KubeObject[]>;
before(async () => void (all = await variants()));

const agents = (objects: KubeObject[]) =>
  objects.filter(each => each.kind === 'Deployment' && each.metadata.labels['app.kubernetes.io/component'] === 'agent');

test('the agents of a blueprint differ in name and agent identity, and in nothing else', () => {
  for (const [variant, objects] of all) {
    const [one, other, ...more] = agents(objects).map(each => JSON.stringify(each));
    assert.equal(more.length, 0);
    assert.equal(
      one
        ?.replaceAll('research-agent', 'intern-agent')
        .replaceAll(VALUES.RESEARCH_AGENT_APP_ID, VALUES.INTERN_AGENT_APP_ID),
      other,
      variant,
    );
  }
});

test('a sidecar runs as the number of its image’s user, and is asked for its health by any version’s rules', () => {
  for (const objects of all.values())
    for (const each of agents(objects)) {
      const pod = v.parse(agent, each).spec.template.spec;
      // `USER app` of the image: aspnet's user of that name has this id (dotnet/dotnet-docker).
      assert.deepEqual(pod.securityContext, { runAsUser: 1654, runAsGroup: 1654, fsGroup: 1654 });
      const { livenessProbe, readinessProbe } = pod.containers[0];
      for (const { httpGet } of [livenessProbe, readinessProbe])
        assert.deepEqual(httpGet, {
          path: '/healthz', // the one path that 1.1 answers to a caller from outside the pod, such as the kubelet
          port: 'http',
          httpHeaders: [{ name: 'Host', value: 'localhost' }], // 1.0 refuses any other
        });
    }
});

test('the sidecar keeps to callers of its own pod, and takes an agent’s id on the one route that the extension calls', () => {
  for (const objects of all.values()) {
    const found = objects.find(each => each.kind === 'ConfigMap' && each.metadata.name === 'agent-id-sidecar');
    const { data } = v.parse(v.object({ data: v.record(v.string(), v.string()) }), found);
    assert.equal(data['ASPNETCORE_ENVIRONMENT'], 'Production'); // Development lifts the rule about callers
    const overrides = Object.entries(data).filter(([name]) => name.startsWith('Sidecar__'));
    assert.deepEqual(Object.fromEntries(overrides), {
      Sidecar__AllowOverrides__GetAuthorizationHeader: 'true',
      Sidecar__AllowOverrides__GetAuthorizationHeaderUnauthenticated: 'false',
      Sidecar__AllowOverrides__CallDownstreamApi: 'false',
      Sidecar__AllowOverrides__CallDownstreamApiUnauthenticated: 'false',
    });
    const apis = Object.entries(data).filter(([name]) => /^DownstreamApis__\w+__(Scopes|RequestAppToken)/.test(name));
    assert.deepEqual(Object.fromEntries(apis), {
      DownstreamApis__openai__Scopes__0: 'https://cognitiveservices.azure.com/.default',
      DownstreamApis__openai__RequestAppToken: 'false', // true can't be turned off by a request
      DownstreamApis__mcp__Scopes__0: `api://${VALUES.MCP_APP_ID}/.default`,
      DownstreamApis__mcp__RequestAppToken: 'false',
    });
  }
});
