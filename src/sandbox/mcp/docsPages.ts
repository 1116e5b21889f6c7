import type { Page } from './corpus.ts';

const at = (path: string) => `https://docs.sandbox.example/${path}`;

/** What the simulated documentation server knows: our own sentences about the systems that the sandbox plays. */
export const docsPages: readonly Page[] = [
  {
    url: at('entra/agent-id/overview'),
    title: 'What is Microsoft Entra Agent ID?',
    text: [
      'Microsoft Entra Agent ID gives an AI agent an identity of its own in the tenant, so that what the agent does can be told apart from what its user does.',
      'An agent identity is created from a blueprint. The blueprint holds the credentials and the permissions that all its agents share; an agent identity holds no credential at all.',
      'Sign-in logs name the agent, the blueprint and the user of each token, and Conditional Access can be aimed at agents.',
    ],
  },
  {
    url: at('entra/agent-id/blueprint'),
    title: 'Agent identity blueprints',
    text: [
      'A blueprint is a template for one class of agents, not for all agents of a company. An administrator creates it ahead of time and grants its permissions once.',
      'On Kubernetes a blueprint corresponds to a ServiceAccount, because a federated credential of the blueprint names exactly one ServiceAccount as its subject.',
    ],
  },
  {
    url: at('entra/agent-id/agent-identity'),
    title: 'Agent identities and Deployments',
    text: [
      'An agent identity corresponds to a Deployment: all replicas of the Deployment act as the same agent.',
      'Several Deployments may use one ServiceAccount, and so one blueprint. They are then not isolated from each other, because each of them can ask for the tokens of all agents of the blueprint.',
    ],
  },
  {
    url: at('entra/agent-id/on-behalf-of'),
    title: 'The on-behalf-of flow for agents',
    text: [
      'In the on-behalf-of (OBO) flow an agent exchanges the token of a user for a token for another API. The result names both: the user as the subject and the agent identity as the application.',
      'The exchange takes three tokens. Tc is the user token for the blueprint, T1 is a token of the blueprint with the agent identity as its fmi_path, and T2 is the token for the API that comes out.',
      'T1 never leaves the sidecar. T2 is bound to one audience, so a token for Azure OpenAI is of no use to an MCP server.',
    ],
  },
  {
    url: at('entra/agent-id/token-claims'),
    title: 'Token claims of agents',
    text: [
      'In a version 1 access token the claim appid holds the agent identity; in a version 2 token the same value is called azp.',
      'The claim xms_act_fct lists the facets of whoever acts. Facet 11 says that the caller is an agent identity; facet 13 stands for an agent user account.',
      'The claim xms_par_app_azp names the blueprint from which the agent identity was made.',
    ],
  },
  {
    url: at('entra/agent-id/sidecar'),
    title: 'The Entra SDK sidecar',
    text: [
      'The Microsoft Entra SDK for AgentID runs as a sidecar container next to the agent and answers on loopback only. An agent sends it the token of the user and gets an authorization header for a downstream API back.',
      'The route is /AuthorizationHeader/{api}, with AgentIdentity in the query. Each downstream API is configured with its scopes in the settings of the sidecar.',
    ],
  },
  {
    url: at('entra/workload-identity/federation'),
    title: 'Workload identity federation on Kubernetes',
    text: [
      'Workload identity federation lets a pod prove who it is with the token of its ServiceAccount. No client secret has to be copied into the cluster, so none can leak from it.',
      'The federated credential of the application names the issuer of the cluster, the subject system:serviceaccount:<namespace>:<name> and the audience api://AzureADTokenExchange.',
      'The token is projected into the pod as a file and renewed by the kubelet before it expires.',
    ],
  },
  {
    url: at('entra/identity-platform/device-code'),
    title: 'Device code sign-in',
    text: [
      'With the device code flow a program without a browser of its own shows a short code, and the user types it on a page in any browser.',
      'Until the user is done the program asks again at the given interval; authorization_pending means wait, slow_down means ask less often.',
    ],
  },
  {
    url: at('entra/identity-platform/consent'),
    title: 'Consent and the error AADSTS65001',
    text: [
      'AADSTS65001 says that nobody has consented to the permission that an application asks for. An administrator grants it once for the tenant, or the user is asked at sign-in.',
      'For agents the permission is granted to the agent identity or inherited from its blueprint.',
    ],
  },
  {
    url: at('azure/openai/entra-authentication'),
    title: 'Azure OpenAI with Entra tokens instead of keys',
    text: [
      'Azure OpenAI accepts an Entra access token whose audience is https://cognitiveservices.azure.com in place of an API key.',
      'The caller needs the role Cognitive Services OpenAI User on the resource. For an agent that acts on behalf of a user, both need to be allowed.',
    ],
  },
  {
    url: at('agentgateway/policies'),
    title: 'AgentGateway policies for MCP',
    text: [
      'AgentGateway checks the token of each request on its own. A jwtAuth policy in strict mode refuses a request without a valid token with status 401.',
      'The rules of mcpAuthorization are CEL expressions over the claims and over the tool. A tool that they refuse is left out of the list, and a call of it is answered with "Unknown tool".',
    ],
  },
  {
    url: at('agentgateway/multiplexing'),
    title: 'Several MCP servers behind AgentGateway',
    text: [
      'AgentGateway shows several MCP servers as one. Each tool is called <target>_<tool>, and a call is split again at the first underscore.',
      'With failOpen a server that is down takes only its own tools away; with failClosed it fails the whole session.',
    ],
  },
  {
    url: at('kubernetes/port-forward'),
    title: 'Port-forward in Kubernetes',
    text: [
      'Port-forward carries connections to a port of a pod through the API server, so that nothing has to be exposed. It needs the permission to create pods/portforward in the namespace.',
      'Newer API servers speak WebSocket for port-forward; the older SPDY form still works. A forward is bound to one pod and ends with it.',
    ],
  },
  {
    url: at('kubernetes/rbac'),
    title: 'RBAC for developers who use agents',
    text: [
      'A developer needs to get and list deployments, pods, services, ConfigMaps and service accounts in the namespace, and to create pods/portforward. Nothing in it allows reading secrets.',
    ],
  },
];
