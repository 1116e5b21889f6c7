/** The variables of `k8s/base/agentgateway-config.yaml`. */
export interface GatewayFileValues {
  NAMESPACE: string;
  TENANT_ID: string;
  MCP_APP_ID: string;
  /** CEL list text, e.g. `'guid','guid'`: the agents that the policy lets call tools. */
  AGENT_APP_IDS: string;
  AZURE_OPENAI_HOST: string;
}

/** Where the sandbox runs what the file names. */
export interface SandboxEndpoints {
  /** v1 issuer of the Entra sandbox, with its trailing slash. */
  issuer: string;
  /** Absolute path of a JWKS file. */
  jwksFile: string;
  /** Origin of the model, e.g. `http://127.0.0.1:1234`; an https origin keeps backendTLS. */
  model: string;
  /** Target name -> URL of its MCP endpoint. */
  mcpTargets: Record<string, string>;
  /** Listener port of the gateway. */
  port: number;
}

/**
 * The text of `config.yaml` for the sandbox: the ConfigMap manifest's file with its variables filled in and with hosts,
 * issuers and JWKS replaced. Stock AgentGateway 1.4.1 loads it unmodified.
 */
export function renderGatewayFile(
  _manifestText: string,
  _values: GatewayFileValues,
  _endpoints: SandboxEndpoints,
): string {
  throw new Error('not yet');
}
