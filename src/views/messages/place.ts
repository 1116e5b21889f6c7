/** What a connection knows of itself, for the text of a fix. Nothing of it is secret. */
export interface Known {
  /** The far side of a remote window (SSH, WSL, a container), and whether the extension runs there. */
  remote?: { name: string; here: boolean };
  /** A sandbox: nothing of it exists outside. */
  sandbox?: boolean;
  /** `https://host/tenant`. */
  authority?: string;
  tenantId?: string;
  /** The client application that people sign in with. */
  clientId?: string;
  /** The scope that people sign in for, `api://<blueprint>/<name>`. */
  scope?: string;
  blueprintAppId?: string;
  agentAppId?: string;
  /** Name of the Deployment. */
  deployment?: string;
  serviceAccount?: string;
  namespace?: string;
  /** Context of the kubeconfig. */
  context?: string;
  user?: string;
  /** ConfigMaps: of the sidecar, of the client (`agent-id-client`), of the gateway. */
  sidecarConfig?: string;
  clientConfig?: string;
  gatewayConfig?: string;
  /** Resource of each downstream API, by the API's name. */
  resources?: Readonly<Record<string, string>>;
  /** The gateway's path for the model; every other route is for tools. */
  llmPath?: string;
  /** Which downstream API gives the token for the model, and which that for the tools. */
  llmApi?: string;
  mcpApi?: string;
  /** The APIs for which nobody has consented, as far as it was tried: one text for the admin names all. */
  withoutConsent?: readonly string[];
}
type Name = Exclude<keyof Known, 'resources' | 'sandbox' | 'remote' | 'withoutConsent'>;

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Kubernetes' own names (DNS subdomains, RFC 1123), which no shell reads as anything else. */
const OBJECT = /^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$/;
/** No dash at its beginning: a command would read it as an option. */
const ADDRESS = /^(?!-)[\w:/.@+~-]{1,300}$/;

/**
 * The placeholder of each value, as the documentation writes it, and the shape that a value must have: it may become part
 * of a command that an administrator runs, and it comes from a cluster that nobody vouches for.
 */
const SHAPES: Record<Name, readonly [placeholder: string, shape: RegExp]> = {
  authority: ['https://login.microsoftonline.com/<tenant id>', /^https:\/\/[\w.:-]+\/[\w.-]+$/],
  tenantId: ['<tenant id>', GUID],
  clientId: ['<client id>', GUID],
  scope: ['api://<blueprint id>/access_as_user', ADDRESS],
  blueprintAppId: ['<blueprint id>', GUID],
  agentAppId: ['<agent identity id>', GUID],
  deployment: ['<Deployment of the agent>', OBJECT],
  serviceAccount: ['<ServiceAccount of the agent>', OBJECT],
  namespace: ['<namespace>', OBJECT],
  context: ['<context>', /^(?!-)[\w.:/@-]{1,200}$/],
  user: ['<user>', /^(?!-)[\w.+#@-]{1,200}$/],
  sidecarConfig: ['agent-id-sidecar', OBJECT],
  clientConfig: ['agent-id-client', OBJECT],
  gatewayConfig: ['agentgateway-config', OBJECT],
  llmPath: ['/llm', ADDRESS],
  llmApi: ['openai', ADDRESS],
  mcpApi: ['mcp', ADDRESS],
};

/** The identifiers of the connection at hand, each safe to stand in a command; `<…>` for what is not known. */
export class Place {
  readonly #known: () => Known | undefined;

  constructor(known: () => Known | undefined) {
    this.#known = known;
  }

  get sandbox(): boolean {
    return this.#known()?.sandbox === true;
  }

  get remote(): Known['remote'] {
    return this.#known()?.remote;
  }

  get withoutConsent(): readonly string[] {
    return this.#known()?.withoutConsent ?? [];
  }

  /** Whom the agent acts for, to be read and never to be part of a command. */
  get person(): string | undefined {
    return this.#known()?.user;
  }

  get(name: Name): string {
    return this.knows(name) ?? SHAPES[name][0];
  }

  /** The value, or undefined where there is none that has its shape. */
  knows(name: Name): string | undefined {
    const value = this.#known()?.[name];
    return value !== undefined && SHAPES[name][1].test(value) ? value : undefined;
  }

  /** Resource of a downstream API, such as `api://<guid>`. */
  resource(api: string): string | undefined {
    const resources = this.#known()?.resources ?? {};
    const value = Object.hasOwn(resources, api) ? resources[api] : undefined;
    return value !== undefined && ADDRESS.test(value) ? value : undefined;
  }
}

/** Resource of the token that a route of the gateway gets; undefined where it is not known. */
export function resourceOfRoute(place: Place, route: string): string | undefined {
  return place.resource(place.get(route === place.get('llmPath') ? 'llmApi' : 'mcpApi'));
}

/** `value` where it is one word that no shell and no JSON reads as anything else, else the placeholder. */
export const plain = (value: string, placeholder: string): string => (ADDRESS.test(value) ? value : placeholder);
