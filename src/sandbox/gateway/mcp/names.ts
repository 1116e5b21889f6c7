import type { McpSpec } from '../schema.ts';
import type { JsonObject } from './jsonrpc.ts';
import { SendFailure } from './target.ts';

/** How the names of several targets share one list (crates/agentgateway/src/mcp/handler.rs). */
export class Names {
  /** The only target, whose names pass through unchanged. */
  readonly #only: string | undefined;
  /** True where a name says nothing about its target, which must then be asked for. */
  readonly needsResolution: boolean;
  readonly multiplexing: boolean;
  readonly #targets: readonly string[];

  constructor(spec: McpSpec) {
    this.#targets = spec.targets.map(({ name }) => name);
    this.multiplexing = spec.targets.length !== 1;
    this.#only = !this.multiplexing && spec.prefixMode !== 'always' ? this.#targets[0] : undefined;
    this.needsResolution = this.multiplexing && spec.prefixMode === 'never';
  }

  /** The name of a tool or prompt as the client sees it. */
  outward(target: string, name: string): string {
    return this.#only === undefined && !this.needsResolution ? `${target}_${name}` : name;
  }

  /** The target and the upstream's name: split at the first underscore, which no target name contains. */
  inward(name: string): { target: string; name: string } {
    if (this.#only !== undefined) return { target: this.#only, name };
    const underscore = name.indexOf('_');
    if (underscore < 0) throw new SendFailure('invalid request: invalid resource name');
    return { target: name.slice(0, underscore), name: name.slice(underscore + 1) };
  }

  /** The URI of a resource as the client sees it: `target+uri` for a URI with a scheme. */
  outwardUri(target: string, uri: string): string {
    return this.#only === undefined && /^[A-Za-z][A-Za-z0-9+.-]*:/.test(uri) ? `${target}+${uri}` : uri;
  }

  inwardUri(uri: string): { target: string; uri: string } {
    if (this.#only !== undefined) return { target: this.#only, uri };
    const plus = uri.indexOf('+');
    if (plus < 0) throw new SendFailure('invalid request: invalid resource URI');
    const target = uri.slice(0, plus);
    if (!this.#targets.includes(target)) throw new SendFailure(`invalid request: unknown service ${target}`);
    return { target, uri: uri.slice(plus + 1) };
  }

  /** A message of a target with the URIs in it as the client knows them. */
  rewrite(target: string, method: string | undefined, raw: JsonObject): JsonObject {
    const located = (value: unknown) => {
      const item = value as JsonObject;
      return typeof item.uri === 'string' ? { ...item, uri: this.outwardUri(target, item.uri) } : item;
    };
    if (raw.method === 'notifications/resources/updated') return { ...raw, params: located(raw.params) };
    const result = raw.result as JsonObject | undefined;
    if (method === 'resources/read' && Array.isArray(result?.contents))
      return { ...raw, result: { ...result, contents: result.contents.map(located) } };
    return raw;
  }
}
