import type { Page } from './corpus.ts';

const at = (path: string) => `https://web.sandbox.example/${path}`;

/** What the simulated web search knows: our own sentences, in the manner of posts and questions. */
export const webPages: readonly Page[] = [
  {
    url: at('blog/agents-are-not-users'),
    title: 'Agents are not users: why your AI agent needs its own identity',
    text: [
      'If an AI agent borrows the session of its user, the audit log blames the user for everything. An identity for the agent makes the log say who did it and for whom.',
      'The second reason is the blast radius: an agent identity can be switched off without locking a person out.',
    ],
  },
  {
    url: at('blog/gateway-in-front-of-mcp'),
    title: 'Put a gateway in front of your MCP servers',
    text: [
      'An MCP server that everybody reaches directly has to check every token by itself. A gateway such as AgentGateway checks them in one place, and keeps the token away from servers that are not yours.',
      'Hide tools by policy rather than by prompt: a model can be talked out of a prompt, but not out of a 400.',
    ],
  },
  {
    url: at('blog/no-more-secrets'),
    title: 'We deleted the last client secret from our cluster',
    text: [
      'Workload identity federation replaced our client secrets. The pod shows its ServiceAccount token, Entra checks it against the issuer of the cluster, and there is nothing left to rotate.',
      'The one thing that went wrong: the subject of the federated credential must match the namespace and the name of the ServiceAccount to the letter.',
    ],
  },
  {
    url: at('blog/reading-a-token'),
    title: 'How to read an access token without guessing',
    text: [
      'Look at ver first: version 1 and version 2 tokens use different names for the same thing. Then read aud, to see for whom the token is, and appid or azp, to see who asked for it.',
      'Compare people by oid and tid. The claim sub differs from application to application, and a upn may change.',
    ],
  },
  {
    url: at('blog/prompt-injection-fetch'),
    title: 'The fetch tool is the exfiltration tool',
    text: [
      'A tool that fetches any URL lets an injected prompt send data out: the secret goes into the query of the address. Deny such tools at the gateway, or allow only addresses from a list.',
    ],
  },
  {
    url: at('questions/obo-wrong-audience'),
    title: 'Question: on-behalf-of fails with a wrong audience',
    text: [
      'The user token must be issued for the blueprint, not for the API that you want to call in the end. Ask for api://<blueprint>/access_as_user at sign-in, and let the on-behalf-of exchange get the token for the API.',
    ],
  },
  {
    url: at('questions/port-forward-drops'),
    title: 'Question: my port-forward dies whenever the pod restarts',
    text: [
      'A port-forward belongs to one pod. When a rollout replaces the pod the stream closes, and a client has to find a ready pod again and reconnect with a growing delay.',
    ],
  },
  {
    url: at('questions/connected-zero-tools'),
    title: 'Question: connected to the MCP gateway, but it lists zero tools',
    text: [
      'Connected with zero tools usually means that an authorization rule failed: the gateway filters the list silently. Check the appid in the token against the rule, then look for facet 11 in xms_act_fct.',
    ],
  },
  {
    url: at('news/mcp-registry-growth'),
    title: 'News: companies curate their own lists of MCP servers',
    text: [
      'More companies keep a list of approved MCP servers and reach all of them through one gateway, so that security teams see each tool call with the agent and the user behind it.',
    ],
  },
  {
    url: at('news/editors-as-agents'),
    title: 'News: the editor becomes the place where agents run',
    text: [
      'Developers run agents inside the editor and give them an identity that lives in the cluster. The Deployment holds the identity; the editor reaches its sidecar by port-forward.',
    ],
  },
];
