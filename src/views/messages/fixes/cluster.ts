import type { Translate } from '../catalogue.ts';
import { plain, resourceOfRoute, type Place } from '../place.ts';
import { appIdOf, steps } from './graph.ts';

/** A selector of equalities as kubectl takes it. */
const LABELS = /^[a-z\d][\w./-]*=[\w.-]*(,[a-z\d][\w./-]*=[\w.-]*)*$/i;

/** What a cluster admin changes, as text to be sent: lines of ConfigMaps and commands of kubectl. */
export class ClusterFixes {
  readonly #t: Translate;
  readonly #place: Place;

  constructor(t: Translate, place: Place) {
    this.#t = t;
    this.#place = place;
  }

  /** Settings of the sidecar, which it reads when its pod starts. */
  setSidecar(settings: Record<string, string>): string {
    const t = this.#t;
    const [name, namespace] = [this.#place.get('sidecarConfig'), this.#place.get('namespace')];
    const lines = Object.entries(settings).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
    return steps(
      `${t('Set this in the ConfigMap {0} of namespace {1}:', name, namespace)}\n\ndata:\n${lines.join('\n')}\n\n${t('As a command:')}\nkubectl patch configmap ${name} -n ${namespace} --type merge -p '${JSON.stringify({ data: settings })}'`,
      this.restart(),
    );
  }

  restart(): string {
    const [agent, namespace] = [this.#place.get('deployment'), this.#place.get('namespace')];
    return `${this.#t('Restart the agent:')}\nkubectl rollout restart deployment/${agent} -n ${namespace}`;
  }

  /** A downstream API of the sidecar with its resource; `api` comes from an error. */
  setScope(api: string, resource = this.#place.resource(api) ?? this.#t('<resource>')): string {
    const name = plain(api, this.#t('<name of the API>'));
    return this.setSidecar({ [`DownstreamApis__${name}__Scopes__0`]: `${resource.replace(/\/$/, '')}/.default` });
  }

  /** The identity of the sidecar is the one that people sign in for. */
  setIdentity(): string {
    return this.setSidecar({
      AzureAd__TenantId: this.#place.get('tenantId'),
      AzureAd__ClientId: this.#place.get('blueprintAppId'),
    });
  }

  /** The blueprint proves itself with the token that the pod mounts, and with no secret. */
  useServiceAccountToken(): string {
    return [
      this.setSidecar({
        AzureAd__ClientCredentials__0__SourceType: 'SignedAssertionFilePath',
        AzureAd__ClientCredentials__0__SignedAssertionFileDiskPath: '/var/run/secrets/tokens/azure-identity-token',
      }),
      this.#t(
        'The pod must mount it there: a projected volume with serviceAccountToken, audience api://AzureADTokenExchange (k8s/base/research-agent.yaml has one).',
      ),
    ].join('\n\n');
  }

  sidecarLog(): string {
    const [agent, namespace] = [this.#place.get('deployment'), this.#place.get('namespace')];
    return `${this.#t('Read why in the sidecar’s log:')}\nkubectl logs -n ${namespace} deployment/${agent} -c sidecar --tail=100`;
  }

  gatewayLog(): string {
    const namespace = this.#place.get('namespace');
    return `${this.#t('Read why in the gateway’s log:')}\nkubectl logs -n ${namespace} deployment/agentgateway --tail=100`;
  }

  /** The keys of the cluster's issuer are published as they are. */
  publishKeys(): string {
    const t = this.#t;
    return steps(
      `${t('See the keys that the cluster signs with:')}\nkubectl get --raw /openid/v1/jwks`,
      t(
        'Publish exactly these under the jwks_uri of the issuer (the iss of the pod’s token; its /.well-known/openid-configuration names the jwks_uri). A cluster that was rebuilt has new keys.',
      ),
    );
  }

  /** The node's clock and the age of the mounted token. */
  renewToken(): string {
    return steps(this.#t('Check the clock of the node that the pod runs on.'), this.restart());
  }

  /** A change of the gateway's file; `yaml` is the part that is about `route`. */
  editGateway(route: string, yaml: string): string {
    const t = this.#t;
    const [name, namespace] = [this.#place.get('gatewayConfig'), this.#place.get('namespace')];
    return [
      t('In the gateway’s file, on the route for {0}:', route || '…'),
      yaml,
      `${t('The file is in a ConfigMap; the gateway loads a change by itself:')}\nkubectl edit configmap ${name} -n ${namespace}`,
    ].join('\n\n');
  }

  /** Both forms of the audience that a token of this route may have. */
  allowAudience(route: string): string {
    const resource = resourceOfRoute(this.#place, route) ?? this.#t('<aud of the token>');
    const appId = /^api:/.test(resource) ? appIdOf(resource) : undefined;
    const audiences = [resource, ...(appId ? [appId] : [])];
    return this.editGateway(route, `jwtAuth:\n  audiences:\n${audiences.map(aud => `    - ${aud}`).join('\n')}`);
  }

  allowIssuer(route: string): string {
    const t = this.#t;
    const tenant = this.#place.get('tenantId');
    const authority = this.#place.get('authority');
    return this.editGateway(
      route,
      [
        'jwtAuth:',
        `  issuer: https://sts.windows.net/${tenant}/ # ${t('a v1 token; the slash belongs to it')}`,
        `  # ${t('or, for a v2 token:')} issuer: ${authority}/v2.0`,
      ].join('\n'),
    );
  }

  setKeys(route: string): string {
    const url = `${this.#place.get('authority')}/discovery/v2.0/keys`;
    return this.editGateway(route, `jwtAuth:\n  jwks:\n    url: ${url}`);
  }

  /** The Role of developers, and its binding to this user. */
  bindRole(where: string): string {
    const t = this.#t;
    const namespace = where ? plain(where, t('<namespace>')) : this.#place.get('namespace');
    return steps(
      `${t('Create the Role that developers need (k8s/base/role.yaml), if it is not there:')}\nkubectl get role agent-id-user -n ${namespace}`,
      `${t('Bind it to the user as the API server knows them:')}\nkubectl create rolebinding agent-id-user --role=agent-id-user --user=${t('<user>')} -n ${namespace}`,
    );
  }

  /** The ServiceAccount and the sidecar name one blueprint. */
  sameBlueprint(serviceAccount: string, blueprint: string): string {
    const t = this.#t;
    const account = plain(serviceAccount, t('<ServiceAccount>'));
    const id = plain(blueprint, t('<blueprint id>'));
    const namespace = this.#place.get('namespace');
    return `${t('If the sidecar’s is the right one (else correct AzureAd__ClientId in its ConfigMap and restart the agent):')}\nkubectl annotate serviceaccount ${account} -n ${namespace} --overwrite azure.workload.identity/client-id=${id}`;
  }

  /** Networking of the pod: the runtime has to dial from inside of it. */
  runtimeClass(): string {
    return `${this.#t('See the runtime class; the cluster’s default one (no gVisor, no Kata) and no service mesh in this pod are what works:')}\nkubectl get pods -n ${this.#place.get('namespace')} -o custom-columns=NAME:.metadata.name,RUNTIME:.spec.runtimeClassName`;
  }

  /** A gateway that is found by its label. */
  deployGateway(): string {
    const t = this.#t;
    const namespace = this.#place.get('namespace');
    return steps(
      `${t('Look whether there is one under another name:')}\nkubectl get services -n ${namespace}`,
      `${t('If there is, give its Service the label by which it is found:')}\nkubectl label service ${t('<name of the Service>')} -n ${namespace} app.kubernetes.io/name=agentgateway`,
      t(
        'If there is none, deploy k8s/base/agentgateway.yaml and k8s/base/agentgateway-config.yaml of Agent ID with k8s/deploy.sh; k8s/README.md says what each value is.',
      ),
    );
  }

  /** A route for a path that the client uses. */
  addRoute(route: string): string {
    const t = this.#t;
    const path = plain(route, t('<path>'));
    return `${this.editGateway(path, `matches:\n  - path:\n      pathPrefix: ${path}`)}\n\n${t('Or correct GATEWAY_LLM_PATH or GATEWAY_MCP_PATH in the ConfigMap {0}.', this.#place.get('clientConfig'))}`;
  }

  /** Room for a conversation. */
  raiseBuffer(): string {
    return `${this.#t('At the top of the gateway’s file (ConfigMap {0}, namespace {1}):', this.#place.get('gatewayConfig'), this.#place.get('namespace'))}\n\nfrontendPolicies:\n  http:\n    maxBufferSize: 20971520`;
  }

  /** The gateway's own check of its file. */
  checkFile(): string {
    const [name, namespace] = [this.#place.get('gatewayConfig'), this.#place.get('namespace')];
    return `${this.#t('Check the file, correct the ConfigMap {0}, and look whether the gateway takes it:', name)}\nkubectl get configmap ${name} -n ${namespace} -o jsonpath='{.data.config\\.yaml}' > config.yaml\nagentgateway -f config.yaml --validate-only\n\n${this.gatewayLog()}`;
  }

  /** The client's own ConfigMap names a deployment of the model that exists. */
  setDeployment(): string {
    const t = this.#t;
    const [name, namespace] = [this.#place.get('clientConfig'), this.#place.get('namespace')];
    return `${t('Name one that exists in the ConfigMap {0}:', name)}\nkubectl patch configmap ${name} -n ${namespace} --type merge -p '${JSON.stringify({ data: { LLM_DEPLOYMENTS: t('<deployment>') } })}'`;
  }

  /** What the cluster says about its pods, or about those that a selector is for: the agent's, the gateway's. */
  describePods(selector = ''): string {
    const which = `-n ${this.#place.get('namespace')}${LABELS.test(selector) ? ` -l ${selector}` : ''}`;
    return `${this.#t('See why:')}\nkubectl get pods ${which}\nkubectl describe pods ${which}`;
  }

  /** A Deployment that has no pod; `name` comes from an error. */
  scaleUp(name: string): string {
    const namespace = this.#place.get('namespace');
    const deployment = plain(name, this.#t('<deployment>'));
    return steps(
      `${this.#t('See whether it is there and how many replicas it has:')}\nkubectl get deployment ${deployment} -n ${namespace}\nkubectl describe replicasets -n ${namespace}`,
      `${this.#t('If it has 0:')}\nkubectl scale deployment/${deployment} -n ${namespace} --replicas=1`,
    );
  }
}
