import { isLoopback } from '../../base/loopback.ts';
import type { ClusterErrorCode } from '../../cluster/errors.ts';
import type { Catalogue, Translate } from './catalogue.ts';
import { ClusterFixes } from './fixes/cluster.ts';
import type { Place } from './place.ts';

/** Words for what goes wrong between the editor and the cluster. */
export function clusterMessages(t: Translate, place: Place): Catalogue<ClusterErrorCode> {
  const fixes = new ClusterFixes(t, place);
  const checkFile = t('Correct the file, or set agentId.kubeconfig to another.');
  const tryAgain = t('Connect again.');
  const podLog = t('Look at the pod and its log, or ask a cluster administrator to.');
  /** Where the window and the extension are on two machines: which of them counts. */
  const otherSide = (what: string) => {
    const { remote } = place;
    if (!remote) return undefined;
    return remote.here
      ? t(
          '{0} must be in {1}, where Agent ID runs, not on your own machine: bring it there, or install Agent ID on your own machine (remote.extensionKind: ui).',
          what,
          remote.name,
        )
      : t(
          '{0} must be on your own machine, where Agent ID runs, not in {1}: bring it here, or let Agent ID run there (remote.extensionKind: workspace).',
          what,
          remote.name,
        );
  };
  /** `127.0.0.1` of a kubeconfig is the machine that it was made on, which a container or a far host is not. */
  const otherLoopback = (server: string) => {
    const { remote } = place;
    const host = URL.parse(server)?.hostname ?? '';
    if (!remote || !isLoopback(host)) return undefined;
    return remote.here
      ? t(
          '{0} is {1} itself, where Agent ID runs, not your own machine: give the kubeconfig a server that can be reached from there, or install Agent ID on your own machine (remote.extensionKind: ui).',
          host,
          remote.name,
        )
      : t(
          '{0} is your own machine, where Agent ID runs, not {1}: give the kubeconfig a server that can be reached from here, or let Agent ID run there (remote.extensionKind: workspace).',
          host,
          remote.name,
        );
  };
  return {
    'kubeconfig.notFound': v => ({
      sentence: t('There is no kubeconfig file (looked for {0}).', v('path')),
      next: otherSide(t('The kubeconfig')) ?? t('Set agentId.kubeconfig, or try the sandbox.'),
      who: 'you',
      actions: ['agentId.openSettings', 'agentId.startSandbox'],
    }),
    'kubeconfig.unreadable': v => ({
      sentence: t('The kubeconfig {0} can’t be read ({1}).', v('path'), v('reason')),
      next: checkFile,
      who: 'you',
      actions: ['agentId.openSettings'],
    }),
    'kubeconfig.invalid': v => ({
      sentence: t('{0} is not a valid kubeconfig: {1}.', v('path'), v('reason')),
      next: checkFile,
      who: 'you',
      actions: ['agentId.openSettings'],
    }),
    'kubeconfig.contextNotFound': v => ({
      sentence: t('The kubeconfig has no context “{0}”.', v('context')),
      next: t('Connect again and choose one of: {0}.', v('known') || '—'),
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'kubeconfig.dangling': v => ({
      sentence: t(
        'The context “{0}” names the {1} “{2}”, which the kubeconfig does not define.',
        v('context'),
        v('kind'),
        v('name'),
      ),
      next: checkFile,
      who: 'you',
      actions: ['agentId.openSettings'],
    }),
    'kubeconfig.unsupported': v => ({
      sentence: t(
        'The context “{0}” uses {1}, which would make us somebody else than kubectl is; it is refused.',
        v('context'),
        v('field'),
      ),
      next: t('Use a context without it.'),
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'cluster.credentials': v => ({
      sentence: t('The credentials of context “{0}” can’t be prepared: {1}.', v('context'), v('reason')),
      next: t('Sign in to the cluster as you do for kubectl, then connect again.'),
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'cluster.pluginMissing': v => ({
      sentence: t('The kubeconfig needs the credential plugin “{0}”, which is not installed here.', v('command')),
      next:
        v('hint') ||
        (otherSide(t('The plugin')) ?? t('Install it and make sure that it is on PATH, then connect again.')),
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'cluster.pluginFailed': v => ({
      sentence: t('The credential plugin “{0}” failed: {1}', v('command'), v('reason')),
      next: t('Run any kubectl command in a terminal to sign in, then connect again.'),
      who: 'you',
      actions: ['agentId.connect', 'agentId.showLog'],
    }),
    'cluster.unreachable': v => ({
      sentence: t('The API server {0} can’t be reached: {1}.', v('server'), v('reason')),
      next:
        otherLoopback(v('server')) ?? t('Check the network and the VPN; try kubectl get pods with the same context.'),
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'cluster.tls': v => ({
      sentence: t('The certificate of {0} is not accepted: {1}.', v('server'), v('reason')),
      next: t('Check certificate-authority in the kubeconfig.'),
      who: 'you',
    }),
    'cluster.unauthorized': v => ({
      sentence: t('The API server {0} does not accept the credentials of context “{1}”.', v('server'), v('context')),
      next: t('Sign in to the cluster as you do for kubectl, then connect again.'),
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'cluster.forbidden': v => ({
      sentence: v('others')
        ? t(
            'You may not {0} {1} in namespace {2}, nor: {3}.',
            v('verb'),
            v('resource'),
            v('namespace') || '—',
            v('others'),
          )
        : t('You may not {0} {1} in namespace {2}.', v('verb'), v('resource'), v('namespace') || '—'),
      next: t('Ask a cluster administrator for the Role agent-id-user (k8s/base) in that namespace.'),
      who: 'clusterAdmin',
      fix: fixes.bindRole(v('namespace')),
      actions: ['agentId.showLog'],
    }),
    'cluster.notFound': v => ({
      sentence: t('The API server has no {0}.', v('path')),
      next: t('Check the namespace, then connect again.'),
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'cluster.badResponse': v => ({
      sentence: t('{0} answered with status {1}: {2}.', v('server'), v('status'), v('reason')),
      next: t('A proxy or an old API server may be in between; the log has more.'),
      who: 'you',
      actions: ['agentId.showLog'],
    }),
    'cluster.closed': v => ({
      sentence: t('The connection to {0} was closed.', v('server')),
      next: tryAgain,
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'tunnel.noReadyPod': v => {
      const name = nameIn(v('selector'));
      const none = v('pods') === '0' && name !== undefined;
      return {
        sentence: t(
          'No pod is ready in namespace {0} for {1}: {2}.',
          ...[v('namespace'), name ?? v('selector'), v('reason')],
        ),
        next: none
          ? t('Look whether its Deployment has 0 replicas: kubectl get deployment {0}; then connect again.', name)
          : t('Wait until it is, or look at it: kubectl describe pod; then connect again.'),
        who: 'clusterAdmin',
        fix: none ? fixes.scaleUp(name) : fixes.describePods(v('selector')),
        actions: ['agentId.connect'],
      };
    },
    'tunnel.upgradeRefused': v => ({
      sentence: t('Something between here and the pod refuses WebSockets (status {0}): {1}.', v('status'), v('reason')),
      next: t('Ask for WebSocket upgrades to be allowed on the way to {0}.', v('server')),
      who: 'network',
    }),
    'tunnel.dialFailed': v => ({
      sentence: t('The tunnel to {0}:{1} could not be opened: {2}.', v('pod'), v('port'), v('reason')),
      next: tryAgain,
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'tunnel.refused': v => ({
      sentence: t('Nothing listens on port {1} of pod {0}: connection refused.', v('pod'), v('port')),
      next: podLog,
      who: 'clusterAdmin',
      fix: fixes.describePods(),
    }),
    'tunnel.podError': v => ({
      sentence: t('The runtime of pod {0} reports: {1}.', v('pod'), v('reason')),
      next: podLog,
      who: 'clusterAdmin',
      fix: fixes.describePods(),
    }),
    'tunnel.lost': v => ({
      sentence: t('The tunnel to {0} broke.', v('pod')),
      next: t('It is opened again with the next request.'),
    }),
    'tunnel.unresponsive': v => ({
      sentence: t('The tunnel to {0} gave no sign of life for {1} seconds.', v('pod'), v('seconds')),
      next: t('It is opened again with the next request.'),
    }),
    'tunnel.protocol': v => ({
      sentence: t('The far end of the tunnel to {0} breaks the protocol: {1}.', v('pod'), v('reason')),
      next: t('Look for a proxy in between; the log has more.'),
      who: 'clusterAdmin',
      actions: ['agentId.showLog'],
    }),
    'tunnel.stale': v => ({
      sentence: t('The tunnel to {0} had just closed.', v('pod')),
      next: t('Try again.'),
      who: 'you',
    }),
    'tunnel.unanswered': v => ({
      sentence: t(
        'The {0} got the request and did not answer ({1}); it may have been carried out.',
        v('name'),
        v('reason'),
      ),
      next: t('Check before you repeat what changes something.'),
      who: 'you',
    }),
    'tunnel.interrupted': v => ({
      sentence: t('The answer of the {0} broke off: {1}.', v('name'), v('reason')),
      next: t('Try again; the tunnel is opened anew.'),
      who: 'you',
    }),
    'tunnel.timeout': v => ({
      sentence: t('The {0} did not answer within {1} seconds.', v('name'), v('seconds')),
      next: podLog,
      who: 'clusterAdmin',
      fix: fixes.describePods(),
    }),
    'tunnel.notHttp': v => ({
      sentence: t('What listens in the {0}’s pod does not speak HTTP: {1}.', v('name'), v('reason')),
      next: t('Check its port.'),
      who: 'clusterAdmin',
      actions: ['agentId.showConfiguration'],
    }),
    'tunnel.foreignOrigin': v => ({
      sentence: t('A request to {0} was stopped: the tunnel leads to {1} only.', v('origin'), v('expected')),
      next: t('No token was sent.'),
      who: 'you',
    }),
    'tunnel.closed': v => ({
      sentence: t('The tunnel to the {0} was closed.', v('name')),
      next: tryAgain,
      who: 'you',
      actions: ['agentId.connect'],
    }),
    'discovery.blueprintMismatch': v => ({
      sentence: t(
        'The ServiceAccount {0} names the blueprint {1}, but the sidecar of {2} uses {3}.',
        v('serviceAccount'),
        v('annotation'),
        v('deployment'),
        v('sidecar'),
      ),
      next: t('Make azure.workload.identity/client-id and AzureAd__ClientId the same, then connect again.'),
      who: 'clusterAdmin',
      fix: fixes.sameBlueprint(v('serviceAccount'), v('sidecar')),
      actions: ['agentId.connect'],
    }),
    'discovery.invalidId': v => ({
      sentence: t('“{0}” is not an id (from {1}); often a variable was not replaced.', v('value'), v('source')),
      next: t('Correct it in the cluster, then connect again.'),
      who: 'clusterAdmin',
      actions: ['agentId.connect'],
    }),
    'discovery.invalidValue': v => ({
      sentence: t('“{0}” can’t be used (from {1}).', v('value'), v('source')),
      next: t('Correct it in the cluster, then connect again.'),
      who: 'clusterAdmin',
      actions: ['agentId.connect'],
    }),
    'discovery.unreadable': v => ({
      sentence: t('The {0} {1} could not be read ({2}).', v('kind'), v('name'), v('reason')),
      next: t('It must exist, and the Role agent-id-user must let you read it.'),
      who: 'clusterAdmin',
      fix: fixes.bindRole(''),
      actions: ['agentId.connect'],
    }),
    'discovery.noSidecar': v => ({
      sentence: t('The Deployment {0} is labelled as an agent and has no sidecar container.', v('deployment')),
      next: t('Add the container “sidecar” (k8s/base has one), then connect again.'),
      who: 'clusterAdmin',
      actions: ['agentId.connect'],
    }),
    'discovery.gatewayIncomplete': v => ({
      sentence: t('The gateway’s Service {0} leads nowhere we can read ({1}).', v('service'), v('reason')),
      next: t('Its selector must match a pod that mounts the gateway’s ConfigMap.'),
      who: 'clusterAdmin',
      actions: ['agentId.connect'],
    }),
  };
}

/** The name that a selector goes by, as `k8s/base` and most manifests label their pods. */
function nameIn(selector: string): string | undefined {
  return /(?:^|,)(?:app\.kubernetes\.io\/name|app)=([^,]+)/.exec(selector)?.[1];
}
