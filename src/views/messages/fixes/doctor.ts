import type { Translate } from '../catalogue.ts';
import { EXCHANGE } from '../../../identity/wellKnown.ts';
import { plain, type Place } from '../place.ts';
import { allowAgent } from './allowAgent.ts';
import { ClusterFixes } from './cluster.ts';
import { steps } from './graph.ts';

const SIDECAR_IMAGE = 'mcr.microsoft.com/entra-sdk/auth-sidecar:1.1.1-azurelinux3.0-distroless';

/** What a cluster admin changes where the Doctor found it, as text to be sent. */
export class DoctorFixes {
  readonly #t: Translate;
  readonly #place: Place;
  readonly #cluster: ClusterFixes;

  constructor(t: Translate, place: Place) {
    this.#t = t;
    this.#place = place;
    this.#cluster = new ClusterFixes(t, place);
  }

  /** What the cluster says about one pod. */
  pod(name: string): string {
    const { namespace, pod } = this.#names(name);
    return `${this.#t('See what the cluster says of it:')}\nkubectl describe pod ${pod} -n ${namespace}`;
  }

  previousLog(name: string, container: string): string {
    const { namespace, pod } = this.#names(name);
    const which = plain(container, this.#t('<container>'));
    return `${this.#t('Read why:')}\nkubectl logs ${pod} -c ${which} -n ${namespace} --previous`;
  }

  allowOverrides(): string {
    return this.#cluster.setSidecar({ Sidecar__AllowOverrides__GetAuthorizationHeader: 'true' });
  }

  updateSidecar(): string {
    const [namespace, agent] = [this.#place.get('namespace'), this.#place.get('deployment')];
    return `${this.#t('Update the container (its name may differ):')}\nkubectl set image deployment/${agent} sidecar=${SIDECAR_IMAGE} -n ${namespace}`;
  }

  production(): string {
    return this.#cluster.setSidecar({ ASPNETCORE_ENVIRONMENT: 'Production' });
  }

  useServiceAccountToken(): string {
    return this.#cluster.useServiceAccountToken();
  }

  /** A ServiceAccount token for Entra where the sidecar reads it; a path that is none becomes that of `k8s/base`. */
  mountToken(path = ''): string {
    const t = this.#t;
    const file = /^(\/[\w.-]+)+$/.test(path) ? path : '/var/run/secrets/tokens/azure-identity-token';
    const [folder, name] = [file.slice(0, file.lastIndexOf('/')), file.slice(file.lastIndexOf('/') + 1)];
    const agent = this.#place.get('deployment');
    return steps(
      [
        t('In the pod template of the Deployment {0} (k8s/base/research-agent.yaml has the whole):', agent),
        `volumes:\n  - name: azure-identity-token\n    projected:\n      sources:\n        - serviceAccountToken:\n            path: ${name}\n            audience: ${EXCHANGE}\n            expirationSeconds: 3600`,
        `${t('And in the container of the sidecar:')}\nvolumeMounts:\n  - name: azure-identity-token\n    mountPath: ${folder}\n    readOnly: true`,
      ].join('\n\n'),
      this.#cluster.restart(),
    );
  }

  /** Kubernetes has the ClusterRole for it, bound to ServiceAccounts alone (kubernetes.io, "Service account issuer discovery"). */
  letReadIssuer(): string {
    const t = this.#t;
    return steps(
      `${t('Look yourself:')}\nkubectl get --raw /.well-known/openid-configuration\nkubectl get --raw /openid/v1/jwks`,
      `${t('Or let everybody who may use this cluster read them; both are public by nature:')}\nkubectl create clusterrolebinding agent-id-issuer --clusterrole=system:service-account-issuer-discovery --group=system:authenticated`,
    );
  }

  /** Where the rules stand that hide tools. */
  gatewayRules(path: string): string {
    const t = this.#t;
    const [namespace, map] = [this.#place.get('namespace'), this.#place.get('gatewayConfig')];
    const agent = this.#place.get('agentAppId');
    return steps(
      `${t('Look at the rules (mcpAuthorization) of the route {0} in the gateway’s file:', path)}\nkubectl get configmap ${map} -n ${namespace} -o yaml`,
      allowAgent(t, agent),
    );
  }

  publishIssuer(): string {
    const t = this.#t;
    return steps(
      `${t('See what the cluster signs with:')}\nkubectl get --raw /.well-known/openid-configuration\nkubectl get --raw /openid/v1/jwks`,
      t(
        'Publish the first at <issuer>/.well-known/openid-configuration and the second at its jwks_uri, over https and without a sign-in. An issuer that exists only inside the cluster needs a public one first (--service-account-issuer, or the OIDC issuer of AKS).',
      ),
      t('Then look whether the blueprint’s federated credential names exactly that issuer.'),
    );
  }

  setScope(): string {
    const scope = this.#place.get('scope');
    return this.#cluster.setSidecar({ AzureAd__Scopes: scope.slice(scope.lastIndexOf('/') + 1) });
  }

  #names(name: string): { namespace: string; pod: string } {
    return { namespace: this.#place.get('namespace'), pod: plain(name, this.#t('<pod>')) };
  }
}
