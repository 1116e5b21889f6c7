import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import type { Clock } from '../base/clock.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import type { Authority } from './authority.ts';
import { DevicePolling, parseDeviceCode, PENDING } from './devicePolling.ts';
import { failureArgs, kindOf, parseFailure, type EntraFailure } from './entraError.ts';
import { identityError, type IdentityErrorCode } from './errors.ts';
import { networkReason, parseJson, readText } from './http.ts';
import { signInRefused } from './refusal.ts';
import type { SignInWay } from './types.ts';

const REQUEST_TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 1024 * 1024;

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: object;
}

/**
 * The network under one MSAL operation. MSAL 7.2.1 drops everything but the error word of a failed poll, ends the flow
 * on `slow_down` and on a passing outage, does not look at the status of `/devicecode`, and learns of a cancel only at
 * its next poll. Here the first typed error is kept in `failure`, polling is paced (MSAL's own interval is set to zero),
 * and the signal ends a wait or a request at once. Requests leave only for hosts that the authority vouches for.
 */
export class EntraNetwork implements INetworkModule {
  /** What went wrong, in our terms; MSAL's own error says less. */
  failure: AgentIdError<IdentityErrorCode> | undefined;
  readonly #authority: Authority;
  readonly #fetch: Fetch;
  readonly #signal: AbortSignal;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #way: SignInWay | undefined;
  #polling: DevicePolling | undefined;

  /** `way`: how the person signs in; absent for a renewal. */
  constructor(options: {
    authority: Authority;
    fetch: Fetch;
    signal: AbortSignal;
    logger: Logger;
    clock: Clock;
    way?: SignInWay;
  }) {
    this.#authority = options.authority;
    this.#fetch = options.fetch;
    this.#signal = options.signal;
    this.#logger = options.logger;
    this.#clock = options.clock;
    this.#way = options.way;
  }

  sendGetRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#guarded(async () => {
      const answer = await this.#send('GET', url, options);
      if (answer.status >= 400) this.failure = this.#refusal(url, answer);
      return answer;
    });
  }

  sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#guarded(async () => {
      if (new URL(url).pathname.endsWith('/devicecode')) return this.#startPolling(url, options);
      if (this.#polling) return this.#poll(this.#polling, url, options);
      const answer = await this.#send('POST', url, options);
      if (answer.status >= 400) {
        this.failure = this.#refusal(url, answer);
        // An OAuth error goes on to MSAL: it forgets a refresh token that Entra calls bad.
        if (!parseFailure(answer.body)) throw this.failure;
      }
      return answer;
    });
  }

  async #startPolling(url: string, options: NetworkRequestOptions | undefined): Promise<Answer> {
    const answer = await this.#send('POST', url, options);
    if (answer.status >= 400) throw this.#refusal(url, answer);
    const code = parseDeviceCode(answer.body, this.#authority);
    this.#polling = new DevicePolling(code, this.#clock);
    return { ...answer, body: { ...code, interval: 0 } };
  }

  async #poll(polling: DevicePolling, url: string, options: NetworkRequestOptions | undefined): Promise<Answer> {
    const answer = await this.#attempt(url, options);
    if (answer && answer.status < 400) return answer;
    const failure = answer && parseFailure(answer.body);
    const retryAfter = Number(answer?.headers['retry-after']) || 0;
    if (!answer || answer.status >= 500 || answer.status === 429) polling.backOff(retryAfter);
    else if (failure && kindOf(failure) === 'overPolled') polling.slowDown();
    else if (failure?.error !== 'authorization_pending') throw this.#refusal(url, answer);
    await polling.wait(this.#signal);
    return PENDING;
  }

  /** One poll; a connection that fails does not end the sign-in (RFC 8628 §3.5). */
  async #attempt(url: string, options: NetworkRequestOptions | undefined): Promise<Answer | undefined> {
    try {
      return await this.#send('POST', url, options);
    } catch (error) {
      if (!AgentIdError.is(error, 'signIn.unreachable')) throw error;
      this.#logger.warn(`Sign-in: ${error.message}; polling goes on.`);
      return undefined;
    }
  }

  async #send(method: string, url: string, options: NetworkRequestOptions | undefined): Promise<Answer> {
    this.#signal.throwIfAborted();
    const { host } = new URL(url);
    if (!this.#authority.trusts(url))
      throw identityError('signIn.unsafeEndpoint', { host, authority: this.#authority.url });
    let status: number;
    let headers: Record<string, string>;
    let text: string | undefined;
    try {
      const response = await this.#fetch(url, {
        method,
        ...(options?.headers && { headers: options.headers }),
        ...(method === 'POST' && { body: options?.body ?? '' }),
        redirect: 'error', // a code or a refresh token follows nobody's redirect
        signal: AbortSignal.any([this.#signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
      });
      status = response.status;
      headers = Object.fromEntries(response.headers);
      text = await readText(response, MAX_ANSWER_BYTES);
    } catch (error) {
      this.#signal.throwIfAborted();
      throw identityError('signIn.unreachable', { host, reason: networkReason(error) }, error);
    }
    this.#signal.throwIfAborted(); // an answer that comes after the cancel signs nobody in
    const body = text === undefined ? undefined : parseJson(text);
    if (typeof body !== 'object' || body === null) {
      if (status >= 500 || status === 429) return { status, headers, body: {} };
      throw identityError('signIn.badAnswer', { host, status, problem: 'the answer is not JSON' });
    }
    return { status, headers, body };
  }

  #refusal(url: string, answer: Answer): AgentIdError<IdentityErrorCode> {
    const failure: EntraFailure | undefined = parseFailure(answer.body);
    const { host } = new URL(url);
    if (answer.status >= 500 || answer.status === 429)
      return identityError('signIn.entraUnavailable', {
        host,
        status: answer.status,
        ...failureArgs(failure ?? {}, this.#clock.now()),
      });
    if (!failure) return identityError('signIn.badAnswer', { host, status: answer.status, problem: 'no OAuth error' });
    return signInRefused(failure, { way: this.#way, now: this.#clock.now() });
  }

  /** Keeps the typed error, because MSAL replaces what it does not know by "network_error". */
  async #guarded<T>(work: () => Promise<Answer>): Promise<NetworkResponse<T>> {
    try {
      // MSAL chooses T by the endpoint and checks the fields itself; the body is known to be an object.
      return (await work()) as NetworkResponse<T>;
    } catch (error) {
      if (error instanceof AgentIdError) this.failure = error as AgentIdError<IdentityErrorCode>;
      throw error;
    }
  }
}
