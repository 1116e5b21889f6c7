import type { CheckId, FactName, TokenRole } from '../../doctor/report.ts';
import type { Translate } from './catalogue.ts';

/** What a check looks at. */
export function checkTitle(t: Translate, id: CheckId): string {
  const titles: Record<CheckId, string> = {
    kubeconfig: t('Kubeconfig'),
    context: t('Cluster context'),
    apiServer: t('API server answers'),
    rbac: t('Your rights in the namespace'),
    agent: t('Agent in the cluster'),
    pod: t('Pod of the agent is ready'),
    sidecar: t('Version and settings of the sidecar'),
    federation: t('Issuer and keys of the ServiceAccount'),
    tunnel: t('Tunnel to the sidecar'),
    health: t('Sidecar is healthy'),
    signIn: t('Sign-in'),
    validate: t('Sidecar accepts the user token'),
    llmToken: t('Token for the LLM'),
    mcpToken: t('Token for MCP'),
    tokens: t('What the tokens say'),
    gatewayFile: t('Gateway’s file'),
    gatewayTunnel: t('Tunnel to the gateway'),
    preflight: t('Gateway’s rules let the agent in'),
    model: t('Model answers'),
    mcp: t('MCP session'),
    tools: t('Tools are listed'),
  };
  return titles[id];
}

/** The heading that a check stands under. */
export function checkGroup(t: Translate, id: CheckId): string {
  if (['kubeconfig', 'context', 'apiServer', 'rbac', 'agent', 'pod'].includes(id)) return t('Cluster');
  if (['sidecar', 'federation', 'tunnel', 'health'].includes(id)) return t('Sidecar');
  if (['signIn', 'validate', 'llmToken', 'mcpToken', 'tokens'].includes(id)) return t('Identity');
  return t('Gateway');
}

export function factLabel(t: Translate, name: FactName): string {
  const labels: Record<FactName, string> = {
    files: t('Read from'),
    context: t('Context'),
    server: t('API server'),
    version: t('Kubernetes'),
    namespace: t('Namespace'),
    deployment: t('Deployment'),
    agentIdentity: t('Agent identity'),
    blueprint: t('Blueprint'),
    tenant: t('Tenant'),
    serviceAccount: t('ServiceAccount'),
    pod: t('Pod'),
    restarts: t('Restarts'),
    image: t('Image'),
    credential: t('Credential of the blueprint'),
    overrides: t('Requests may choose the agent'),
    issuer: t('Issuer of the cluster'),
    subject: t('Subject'),
    tokenAudience: t('Audience of the pod’s token'),
    keys: t('Signing keys'),
    user: t('User'),
    client: t('Sign-in client'),
    audience: t('Audience'),
    fingerprint: t('Fingerprint of the token'),
    expires: t('Expires'),
    file: t('Read from'),
    routes: t('Routes'),
    sent: t('Sent to the model'),
    answered: t('Answered by'),
    mcpServer: t('MCP server'),
    protocol: t('MCP version'),
    tools: t('Tools'),
  };
  return labels[name];
}

export function tokenName(t: Translate, role: TokenRole): string {
  const names: Record<TokenRole, string> = { tc: t('User token (Tc)'), llm: t('T2 for the LLM'), mcp: t('T2 for MCP') };
  return names[role];
}
