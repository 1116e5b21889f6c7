import * as v from 'valibot';
import { AgentIdError } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import { identityError } from './errors.ts';
import { networkReason, parseJson, readText } from './http.ts';
import { healthError, sidecarError, type SidecarAnswer } from './sidecarErrors.ts';

const MAX_ANSWER_BYTES = 256 * 1024;
const HEALTH_TIMEOUT_MS = 10_000;
/** The sidecar makes two calls to Entra before it answers. */
const TOKEN_TIMEOUT_MS = 60_000;

const Header = v.object({ authorizationHeader: v.string() });

/** Client of the Microsoft Entra SDK for AgentID, the sidecar that trades the user's token for the agent's. */
export class Sidecar {
  readonly #origin: string;
  readonly #fetch: Fetch;
  readonly #logger: Logger;

  /** `fetch` reaches the sidecar, and nothing else, under `origin`. */
  constructor(options: { origin: string; fetch: Fetch; logger: Logger }) {
    this.#origin = options.origin.replace(/\/$/, '');
    this.#fetch = options.fetch;
    this.#logger = options.logger;
  }

  /** Resolves when `GET /healthz` says `Healthy`. It proves a running sidecar, not that its configuration is right. */
  async healthz(signal?: AbortSignal): Promise<void> {
    const answer = await this.#get('/healthz', {}, HEALTH_TIMEOUT_MS, signal);
    if (answer.status !== 200 || answer.text?.trim() !== 'Healthy') throw healthError(answer);
  }

  /**
   * The agent's token for a downstream API, on behalf of the user: `GET /AuthorizationHeader/{api}`. `forceRefresh`
   * passes the sidecar's own cache. The answer is not looked into: that is the broker's part. Throws `sidecar.*`.
   */
  async token(
    api: string,
    options: { userToken: string; agentAppId: string; forceRefresh?: boolean; signal?: AbortSignal },
  ): Promise<string> {
    const { userToken, agentAppId, forceRefresh, signal } = options;
    const query = new URLSearchParams({ AgentIdentity: agentAppId });
    if (forceRefresh) query.set('optionsOverride.AcquireTokenOptions.ForceRefresh', 'true');
    const path = `/AuthorizationHeader/${encodeURIComponent(api)}`;
    const answer = await this.#get(
      `${path}?${query.toString()}`,
      { Authorization: `Bearer ${userToken}`, Accept: 'application/json, application/problem+json' },
      TOKEN_TIMEOUT_MS,
      signal,
    );
    if (answer.status !== 200) {
      const error = sidecarError(answer, { api, agent: agentAppId }, Date.now());
      this.#logger.warn(`Sidecar: ${path} answered ${answer.status}: ${error.message}`);
      throw error;
    }
    return bearerOf(answer);
  }

  /**
   * Whether the sidecar takes the user's token at all: `GET /Validate`. False when only its own demand for a scope
   * (`AzureAd__Scopes`) is not met, which no other route looks at. The token that it sends back is not kept. Throws
   * `sidecar.*`.
   */
  async validate(userToken: string, signal?: AbortSignal): Promise<boolean> {
    const answer = await this.#get('/Validate', { Authorization: `Bearer ${userToken}` }, TOKEN_TIMEOUT_MS, signal);
    if (answer.status === 403) return false;
    if (answer.status !== 200) throw sidecarError(answer, { api: '', agent: '' }, Date.now());
    return true;
  }

  async #get(
    pathAndQuery: string,
    headers: Record<string, string>,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<SidecarAnswer> {
    const limit = AbortSignal.timeout(timeout);
    try {
      const response = await this.#fetch(`${this.#origin}${pathAndQuery}`, {
        headers,
        redirect: 'manual', // the user's token follows nobody's redirect
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      return {
        status: response.status,
        contentType: response.headers.get('content-type') ?? '',
        wwwAuthenticate: response.headers.get('www-authenticate') ?? '',
        text: await readText(response, MAX_ANSWER_BYTES),
      };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof AgentIdError) throw error; // the tunnel knows better why
      throw identityError('sidecar.unreachable', { reason: networkReason(error) }, error);
    }
  }
}

function bearerOf(answer: SidecarAnswer): string {
  const { status, contentType, text } = answer;
  const body = text === undefined ? undefined : parseJson(text);
  if (body === undefined && !/\bjson\b/i.test(contentType))
    throw identityError('sidecar.notASidecar', { status, problem: contentType || 'no content type' });
  const parsed = v.safeParse(Header, body);
  if (!parsed.success) throw identityError('sidecar.malformedAnswer', { status, problem: 'no authorizationHeader' });
  const [scheme = '', token = '', ...rest] = parsed.output.authorizationHeader.split(' ');
  if (scheme.toLowerCase() !== 'bearer') throw identityError('sidecar.notBearer', { scheme: scheme.slice(0, 40) });
  // RFC 6750 §2.1 `b64token`: what else came could break a header
  if (rest.length > 0 || !/^[\w~+/.=-]+$/.test(token))
    throw identityError('sidecar.malformedAnswer', { status, problem: 'the header carries no token' });
  return token;
}
