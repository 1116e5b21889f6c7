import { readFileSync } from 'node:fs';
import * as v from 'valibot';

const text = v.string();
const Named = v.object({ name: text, url: text });

/**
 * What the suite runs against: the sandbox's line of JSON, or a file of the same shape about other endpoints. In the
 * file, a capability that is not there is null, and its tests are then not applicable.
 */
const Connection = v.object({
  version: v.literal(1),
  authority: text,
  tenantId: text,
  kubeconfig: text,
  context: text,
  namespace: text,
  blueprintAppId: text,
  scope: text,
  agents: v.pipe(v.array(v.object({ appId: text, name: text, deployment: text })), v.minLength(1)),
  users: v.pipe(v.array(v.object({ upn: text, oid: text, name: text })), v.minLength(1)),
  caFile: v.nullable(text),
  mcpAppId: v.nullable(text),
  mcpScope: v.nullable(text),
  llmModel: v.nullable(text),
  sidecarVersion: v.nullable(text),
  gatewayConfigFile: v.nullable(text),
  direct: v.nullable(
    v.object({
      sidecar: v.nullable(text),
      gateway: v.nullable(text),
      llm: v.nullable(text),
      mcp: v.nullable(v.array(Named)),
    }),
  ),
  login: v.union([v.literal('manual'), v.object({ url: text, codeField: text, userField: text })]),
  controlUrl: v.nullable(text),
  controlToken: v.nullable(text),
});
export type Connection = v.InferOutput<typeof Connection>;

/** Throws with the first thing that is wrong in it. */
export function parseConnection(json: string): Connection {
  return v.parse(Connection, JSON.parse(json));
}

export function readConnection(file: string): Connection {
  return parseConnection(readFileSync(file, 'utf8'));
}
