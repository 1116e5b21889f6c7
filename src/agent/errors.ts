/** What can go wrong in the room that runs turns and holds the connection together. */
export type AgentErrorCode =
  /** A turn was asked for while none can run; args: none. */
  | 'agent.notConnected'
  /** The model asked for tools this many rounds in a row; args: steps. */
  | 'agent.stepLimit'
  /** The model's answer was cut at its output limit; args: none. */
  | 'agent.answerCut'
  /** The answer was withheld by a content filter; args: none. */
  | 'agent.contentFiltered'
  /** The model named a tool that nobody offers; args: tool. */
  | 'agent.noSuchTool'
  /** The model's arguments are not a JSON object; args: tool. */
  | 'agent.badArguments'
  /** Nobody is signed in and nobody may be asked now; args: none. */
  | 'agent.signInNeeded'
  /** A sign-in was made for a refusal, and it came back; args: api, code (what was refused) and that one's own. */
  | 'agent.signInDidNotHelp'
  /** More tools than a request to the model may carry; args: tools, limit. */
  | 'agent.tooManyTools'
  /** The agent's Deployment says nothing about a value that is needed; args: what, where. */
  | 'agent.missingValue'
  /** The namespace has no Deployment with a sidecar; args: namespace, context. */
  | 'agent.noAgents'
  /** The Deployment that was chosen is not there any more; args: deployment, namespace. */
  | 'agent.agentGone'
  /** The namespace has an agent but no gateway; args: namespace. */
  | 'agent.noGateway'
  /** The person did not trust the cluster's identity; args: none. */
  | 'agent.notTrusted'
  /** A file that should say where to connect is not readable or not valid; args: path, problem. */
  | 'agent.connectionFile'
  /** In API-key mode there is no token for the gateway; args: none. */
  | 'agent.gatewayNeedsSignIn'
  /** No API key is stored for the endpoint; args: none. */
  | 'agent.noApiKey'
  /** A setting has a value that can't be used; args: setting, problem. */
  | 'agent.setting';
