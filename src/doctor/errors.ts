/** What only the Doctor looks for. */
export type DoctorErrorCode =
  /** The image of a container can't be had; args: pod, container, image, reason (the kubelet's word), detail. */
  | 'doctor.imagePull'
  /** A container ends again and again; args: pod, container, reason, exitCode, restarts. */
  | 'doctor.crashLoop'
  /** No node takes the pod; args: pod, detail. */
  | 'doctor.unschedulable'
  /** The sidecar ignores which agent is asked for; args: setting, source. */
  | 'doctor.overridesOff'
  /** A version of the sidecar that can mix up agents; args: version. */
  | 'doctor.oldSidecar'
  /** The sidecar runs with its checks of the caller off; args: source. */
  | 'doctor.development'
  /** The sidecar proves itself with a secret, not with the pod's own token; args: source. */
  | 'doctor.clientSecret'
  /** The kubelet puts no ServiceAccount token where the sidecar reads it; args: pod, path. */
  | 'doctor.noTokenFile'
  /** The ServiceAccount token that the sidecar reads is not for Entra; args: pod, path, audience (empty: the API server's own). */
  | 'doctor.tokenAudience'
  /** We may not read the cluster's issuer; args: path. */
  | 'doctor.issuerUnreadable'
  /** The issuer exists only inside the cluster; args: issuer. */
  | 'doctor.issuerPrivate'
  /** The issuer's documents can't be had from here; args: url, reason. */
  | 'doctor.issuerUnreachable'
  /** The published document is of another issuer; args: url, expected, actual. */
  | 'doctor.issuerDiffers'
  /** The published keys are none of the cluster's; args: url, published, actual (key ids, joined by commas). */
  | 'doctor.keysDiffer'
  /** The sidecar wants another scope in Tc (`AzureAd__Scopes`), which only `/Validate` looks at; args: none. */
  | 'doctor.scopeRefused'
  /** A token does not stand a check; args: token, check. */
  | 'doctor.tokenCheck'
  /** The gateway's own file refuses the agent; args: path, status, answer. */
  | 'doctor.refusedByFile'
  /** The server answers and lists no tool; args: path. */
  | 'doctor.noTools'
  /** A support bundle holds what looks like a secret, so it was not opened; args: kinds. */
  | 'doctor.bundleHoldsSecret';
