import type { AgentIdError } from '../base/errors.ts';

/**
 * What can go wrong between us and a model. `gateway.*` is AgentGateway speaking for itself, `llm.*` is the model's
 * host behind it (or the endpoint of the API-key mode). `detail` is always redacted and at most 300 characters.
 */
export type GatewayErrorCode =
  /** 401: the request carried no bearer. {route} */
  | 'gateway.tokenMissing'
  /** 401: `exp` of the token has passed, by the gateway's clock. {route} */
  | 'gateway.tokenExpired'
  /** 401: the route wants another `aud`. {route} */
  | 'gateway.audienceRejected'
  /** 401: the route wants another `iss`, usually the other token version. {route} */
  | 'gateway.issuerRejected'
  /** 401: the gateway does not hold the key that signed the token, or the signature is wrong. {route, detail} */
  | 'gateway.signatureRejected'
  /** 401: any other reason; on `mcpAuthentication` routes the gateway never says which. {route, detail} */
  | 'gateway.tokenRejected'
  /** 403 of an `authorization` rule. {route} */
  | 'gateway.forbidden'
  /** 404: no route of the gateway matches. {route} */
  | 'gateway.routeMissing'
  /** 403 or a blocked stream: a prompt guard of the gateway refused the text. {detail} */
  | 'gateway.guardrail'
  /** 429 of the gateway's own limit. {route, resetSeconds} (0: not said) */
  | 'gateway.rateLimited'
  /** 413, or 503 that names a size: over `maxBufferSize`. {route} */
  | 'gateway.requestTooLarge'
  /** The gateway could not read or convert our request. {route, detail} */
  | 'gateway.requestRejected'
  /** The gateway could not reach what is behind it. {route, detail} */
  | 'gateway.upstreamUnreachable'
  /** 504. {route, detail} */
  | 'gateway.upstreamTimeout'
  /** Any other answer in the gateway's name. {route, status, detail} */
  | 'gateway.unexpected'
  /** The gateway's file is not YAML. {line, detail} */
  | 'gateway.configUnreadable'
  /** Azure refused the agent's token. {detail} */
  | 'llm.tokenRejected'
  /** API-key mode: the endpoint refused the key. {host} */
  | 'llm.keyRejected'
  /** Azure knows the caller and says no: no role on the resource, or network rules. {detail} */
  | 'llm.forbidden'
  /** The resource has no deployment (or model) of that name. {deployment} */
  | 'llm.deploymentMissing'
  /** 404 for another reason: wrong path or API version. {detail} */
  | 'llm.notFound'
  /** 429 of the model's host. {retryAfterSeconds, detail} (0: not said) */
  | 'llm.rateLimited'
  /** The content filter of the model's host refused the prompt. {categories} */
  | 'llm.contentFiltered'
  /** More tokens than the model takes. {detail} */
  | 'llm.contextTooLong'
  /** Any other 4xx with a reason. {status, detail} */
  | 'llm.requestRejected'
  /** 5xx of the model's host. {status, detail} */
  | 'llm.unavailable'
  /** No answer from the endpoint. {host, detail} */
  | 'llm.unreachable'
  /** No answer within the time limit. {seconds} */
  | 'llm.timeout'
  /** The stream ended before the model had finished. {detail} */
  | 'llm.interrupted'
  /** An answer that is no chat completion. {detail} */
  | 'llm.malformed'
  /** An answer beyond any sensible size. {} */
  | 'llm.answerTooLarge'
  /** API-key mode: the endpoint is no https URL (http only to this machine), or it holds credentials. {} */
  | 'llm.endpointInvalid';

export type GatewayError = AgentIdError<GatewayErrorCode>;
