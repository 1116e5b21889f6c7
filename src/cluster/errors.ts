/** What can go wrong between the editor and the cluster, and in what the cluster says about its agents. */
export type ClusterErrorCode =
  /** No kubeconfig file exists; args: path (all places that were tried, joined by the system's path delimiter). */
  | 'kubeconfig.notFound'
  /** A kubeconfig file exists and can't be read; args: path, reason (the system's error code). */
  | 'kubeconfig.unreadable'
  /** A kubeconfig file is not YAML or not a kubeconfig; args: path, reason (never a value of the file). */
  | 'kubeconfig.invalid'
  /** No context of that name; args: context, known (the names there are, joined by commas). */
  | 'kubeconfig.contextNotFound'
  /** A context names a cluster or a user that no file defines; args: context, kind (`cluster` or `user`), name. */
  | 'kubeconfig.dangling'
  /** A field that changes who we are and that we do not carry out, so that we refuse it; args: context, field. */
  | 'kubeconfig.unsupported'
  /** Credentials could not be prepared (a file is missing, a token can't be renewed); args: context, reason. */
  | 'cluster.credentials'
  /** The credential plugin is not installed; args: command, hint (the kubeconfig's installHint, may be empty). */
  | 'cluster.pluginMissing'
  /** The credential plugin failed or answered nonsense; args: command, reason (the end of what it wrote, redacted). */
  | 'cluster.pluginFailed'
  /** No connection to the API server (or to the proxy in front of it); args: server, reason. */
  | 'cluster.unreachable'
  /** TLS to the API server failed; args: server, reason (OpenSSL's or Node's code). */
  | 'cluster.tls'
  /** The API server does not accept our credentials, new ones included; args: server, context. */
  | 'cluster.unauthorized'
  /**
   * RBAC refuses; args: verb, resource, namespace (may be empty), reason (the server's sentence), others (what else it
   * refuses, where all was asked at once: `verb resource`, joined by commas).
   */
  | 'cluster.forbidden'
  /** The API server has no such object; args: path, reason. */
  | 'cluster.notFound'
  /** Any other failure status, or an answer that is not the API's; args: server, status, reason. */
  | 'cluster.badResponse'
  /** The connection was closed by us; args: server. */
  | 'cluster.closed'
  /** No pod to talk to; args: namespace, selector, reason (why the pods there are do not count). */
  | 'tunnel.noReadyPod'
  /** Something between us and the pod refuses WebSocket upgrades; args: server, status, reason. */
  | 'tunnel.upgradeRefused'
  /** The tunnel could not be opened; args: pod, port, reason. */
  | 'tunnel.dialFailed'
  /** The pod is there and nothing listens on the port; args: pod, port, reason (the runtime's text). */
  | 'tunnel.refused'
  /** The runtime reports another error on the tunnel; args: pod, port, reason (the runtime's text). */
  | 'tunnel.podError'
  /** The tunnel broke without a close frame; args: pod, port. */
  | 'tunnel.lost'
  /** No sign of life for args.seconds; args: pod, port, seconds. */
  | 'tunnel.unresponsive'
  /** The far end breaks the WebSocket or port-forward protocol; args: pod, port, reason. */
  | 'tunnel.protocol'
  /** The connection had ended before a byte of the request was sent (repeated once before anybody sees this); args: pod, port. */
  | 'tunnel.stale'
  /** A request went out and no byte of an answer came: it may have been carried out or not; args: name, reason. */
  | 'tunnel.unanswered'
  /** The answer broke off in the middle; args: name, reason. */
  | 'tunnel.interrupted'
  /** No response headers in time; args: name, seconds. */
  | 'tunnel.timeout'
  /** What listens in the pod does not speak HTTP; args: name, reason. */
  | 'tunnel.notHttp'
  /** A request for another origin than the tunnel's: a bug of the caller, stopped here; args: origin, expected. */
  | 'tunnel.foreignOrigin'
  /** The tunnel was closed by us; args: name. */
  | 'tunnel.closed'
  /** The blueprint of the ServiceAccount is not the sidecar's; args: deployment, serviceAccount, annotation, sidecar. */
  | 'discovery.blueprintMismatch'
  /** A value that must be a GUID is none (often a `${VAR}` that nobody replaced); args: value, source. */
  | 'discovery.invalidId'
  /** A name, path or number in the cluster's configuration is not usable; args: value, source. */
  | 'discovery.invalidValue'
  /** An object that the configuration points to could not be read; args: kind, name, reason (the code of the failure). */
  | 'discovery.unreadable'
  /** A Deployment is labelled as an agent and has no sidecar container; args: deployment. */
  | 'discovery.noSidecar'
  /** The gateway's Service selects no pods, or its pods mount no ConfigMap; args: service, reason (`selector` or `config`). */
  | 'discovery.gatewayIncomplete';
