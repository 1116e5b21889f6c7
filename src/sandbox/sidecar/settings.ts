import * as v from 'valibot';
import { parse } from 'yaml';
import type { RouteSwitch } from './switches.ts';

/** One entry of `DownstreamApis`. */
export interface SidecarApi {
  readonly scopes: readonly string[];
  readonly baseUrl: string | undefined;
  readonly requestAppToken: boolean;
}

/** The settings of the sidecar that the sandbox plays out. */
export interface SidecarSettings {
  /** `AzureAd:Instance`, with its trailing slash. */
  readonly instance: string;
  readonly tenantId: string;
  /** App id of the blueprint. */
  readonly clientId: string;
  readonly apis: ReadonlyMap<string, SidecarApi>;
  /** `Sidecar:AllowOverrides`, where it is set. */
  readonly allowOverrides: Readonly<Partial<Record<RouteSwitch, boolean>>>;
}

const Manifest = v.object({ data: v.record(v.string(), v.string()) });
const Required = v.object({
  AzureAd__Instance: v.pipe(v.string(), v.url(), v.endsWith('/')),
  AzureAd__TenantId: v.string(),
  AzureAd__ClientId: v.string(),
});

/** The `data` of a ConfigMap manifest with its `${VAR}` filled in: what `envFrom` gives the container. */
export function environmentOf(manifest: string, values: Readonly<Record<string, string>>): Record<string, string> {
  const filled = manifest.replace(/\$\{(\w+)\}/g, (_all, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`The sidecar's ConfigMap needs a value for ${name}`);
    return value;
  });
  return v.parse(Manifest, parse(filled)).data;
}

/** Reads the environment of a sidecar container; `__` stands for the colon of a .NET configuration key. */
export function readSettings(environment: Readonly<Record<string, string>>): SidecarSettings {
  const required = v.parse(Required, environment);
  const allowOverrides: Partial<Record<RouteSwitch, boolean>> = {};
  const apis = new Map<string, { scopes: string[]; baseUrl: string | undefined; requestAppToken: boolean }>();
  for (const [key, value] of Object.entries(environment)) {
    const [section, name = '', option = '', index] = key.split('__');
    if (section === 'Sidecar' && name === 'AllowOverrides')
      allowOverrides[(option.charAt(0).toLowerCase() + option.slice(1)) as RouteSwitch] = isTrue(value);
    if (section !== 'DownstreamApis') continue;
    const api = apis.get(name) ?? { scopes: [], baseUrl: undefined, requestAppToken: false };
    apis.set(name, api);
    if (option === 'Scopes' && index !== undefined) api.scopes[Number(index)] = value;
    else if (option === 'BaseUrl') api.baseUrl = value;
    else if (option === 'RequestAppToken') api.requestAppToken = isTrue(value);
  }
  return {
    instance: required.AzureAd__Instance,
    tenantId: required.AzureAd__TenantId,
    clientId: required.AzureAd__ClientId,
    apis,
    allowOverrides,
  };
}

function isTrue(text: string): boolean {
  return text.toLowerCase() === 'true';
}
