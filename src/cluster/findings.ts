import { AgentIdError } from '../base/errors.ts';
import type { ClusterErrorCode } from './errors.ts';
import type { KubeApi } from './kubeApi.ts';
import { kube, type ConfigMap } from './kubeObjects.ts';

/** A value and where it came from, for people: "Deployment research-agent, annotation agent-id.dev/agent-identity". */
export interface Sourced<T> {
  value: T;
  source: string;
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Values that are shown or become part of a URL or a request: nothing else than these shapes comes in from the cluster. */
export const SHAPES = {
  name: /^[\w.-]{1,120}$/,
  path: /^\/(?!\/)[\w./~-]{0,200}$/,
  prompt: /^[^\0]{1,16384}$/,
} as const;

/** Collects what is wrong in the cluster's configuration: it is reported beside the result and stops nothing. */
export class Problems {
  readonly list: AgentIdError[] = [];

  add(code: ClusterErrorCode, args: Record<string, string>): void {
    const error = new AgentIdError(code, args);
    if (!this.list.some(known => known.message === error.message)) this.list.push(error);
  }

  /** The value if it is a GUID; a `${VAR}` that nobody replaced is the usual reason that it isn't. */
  guid(found: Sourced<string> | undefined): Sourced<string> | undefined {
    return this.#shaped(found, GUID, 'discovery.invalidId');
  }

  shaped(found: Sourced<string> | undefined, shape: keyof typeof SHAPES): Sourced<string> | undefined {
    return this.#shaped(found, SHAPES[shape], 'discovery.invalidValue');
  }

  #shaped(found: Sourced<string> | undefined, shape: RegExp, code: ClusterErrorCode): Sourced<string> | undefined {
    const value = found?.value.trim();
    if (!found || !value) return undefined;
    if (shape.test(value)) return { value, source: found.source };
    this.add(code, { value: value.slice(0, 80), source: found.source });
    return undefined;
  }
}

/** Reads ConfigMaps and ServiceAccounts of one namespace, each once. What RBAC hides or nobody made is a problem, not a failure. */
export class Reader {
  readonly #api: KubeApi;
  readonly #namespace: string;
  readonly #signal: AbortSignal | undefined;
  readonly #configMaps = new Map<string, Promise<ConfigMap | AgentIdError>>();

  constructor(api: KubeApi, namespace: string, signal: AbortSignal | undefined) {
    this.#api = api;
    this.#namespace = namespace;
    this.#signal = signal;
  }

  /** `optional`: that it does not exist is no problem. */
  async configMap(name: string, problems: Problems, optional = false): Promise<Record<string, string>> {
    let reading = this.#configMaps.get(name);
    if (!reading) {
      reading = settle(kube.configMap(this.#api, this.#namespace, name, this.#signal));
      this.#configMaps.set(name, reading);
    }
    const result = await reading;
    if (!(result instanceof AgentIdError)) return result.data ?? {};
    if (!(optional && result.code === 'cluster.notFound'))
      problems.add('discovery.unreadable', { kind: 'ConfigMap', name, reason: result.code });
    return {};
  }

  async annotations(serviceAccount: string, problems: Problems): Promise<Record<string, string>> {
    const result = await settle(kube.serviceAccount(this.#api, this.#namespace, serviceAccount, this.#signal));
    if (!(result instanceof AgentIdError)) return result.metadata.annotations ?? {};
    problems.add('discovery.unreadable', { kind: 'ServiceAccount', name: serviceAccount, reason: result.code });
    return {};
  }
}

/** Turns the failures that concern one object into values; a cluster that can't be reached is everybody's. */
export async function settle<T>(work: Promise<T>): Promise<T | AgentIdError> {
  try {
    return await work;
  } catch (error) {
    const codes = ['cluster.forbidden', 'cluster.notFound', 'cluster.badResponse'];
    if (AgentIdError.is(error) && codes.includes(error.code)) return error;
    throw error;
  }
}
