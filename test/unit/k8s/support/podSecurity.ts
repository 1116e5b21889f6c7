import * as v from 'valibot';

const profile = v.object({ type: v.string() });
const context = v.object({
  privileged: v.optional(v.boolean(), false),
  allowPrivilegeEscalation: v.optional(v.boolean(), true),
  runAsNonRoot: v.optional(v.boolean()),
  runAsUser: v.optional(v.number()),
  procMount: v.optional(v.string(), 'Default'),
  seccompProfile: v.optional(profile),
  appArmorProfile: v.optional(profile),
  seLinuxOptions: v.optional(
    v.object({ type: v.optional(v.string(), ''), user: v.optional(v.string()), role: v.optional(v.string()) }),
  ),
  windowsOptions: v.optional(v.object({ hostProcess: v.optional(v.boolean(), false) })),
  capabilities: v.optional(
    v.object({ add: v.optional(v.array(v.string()), []), drop: v.optional(v.array(v.string()), []) }),
    {},
  ),
});
const action = v.object({
  httpGet: v.optional(v.object({ host: v.optional(v.string(), '') })),
  tcpSocket: v.optional(v.object({ host: v.optional(v.string(), '') })),
});
const container = v.object({
  name: v.string(),
  securityContext: v.optional(context, {}),
  ports: v.optional(v.array(v.object({ hostPort: v.optional(v.number(), 0) })), []),
  livenessProbe: v.optional(action),
  readinessProbe: v.optional(action),
  startupProbe: v.optional(action),
  lifecycle: v.optional(v.object({ postStart: v.optional(action), preStop: v.optional(action) }), {}),
});
const containers = v.optional(v.array(container), []);
const podSpec = v.object({
  hostNetwork: v.optional(v.boolean(), false),
  hostPID: v.optional(v.boolean(), false),
  hostIPC: v.optional(v.boolean(), false),
  securityContext: v.optional(
    v.object({
      ...v.omit(context, ['privileged', 'allowPrivilegeEscalation', 'procMount', 'capabilities']).entries,
      sysctls: v.optional(v.array(v.object({ name: v.string() })), []),
    }),
    {},
  ),
  containers,
  initContainers: containers,
  ephemeralContainers: containers,
  volumes: v.optional(v.array(v.looseObject({ name: v.string() })), []),
});

const VOLUME_TYPES = new Set([
  ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'],
]);
const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'];
const SYSCTLS = new Set([
  ...['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.ip_unprivileged_port_start'],
  ...['net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_local_reserved_ports'],
  ...['net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl'],
  ...['net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'],
]);
const APPARMOR = ['RuntimeDefault', 'Localhost'];
const SECCOMP = ['RuntimeDefault', 'Localhost'];

/**
 * Which controls of the restricted profile a pod breaks, baseline's included, as the page says them
 * (kubernetes.io/docs/concepts/security/pod-security-standards, up to the host probes of 1.34; for pods of Linux).
 */
export function restrictedViolations(spec: unknown): string[] {
  const pod = v.parse(podSpec, spec);
  const all = [...pod.containers, ...pod.initContainers, ...pod.ephemeralContainers];
  const contexts = [pod.securityContext, ...all.map(each => each.securityContext)];
  const actions = all.flatMap(({ livenessProbe, readinessProbe, startupProbe, lifecycle }) => [
    ...[livenessProbe, readinessProbe, startupProbe, lifecycle.postStart, lifecycle.preStop],
  ]);
  const everyContainer = (holds: (own: v.InferOutput<typeof context>) => boolean) =>
    all.every(each => holds(each.securityContext));
  const controls: Record<string, boolean> = {
    HostProcess: contexts.every(each => !each.windowsOptions?.hostProcess),
    'Host Namespaces': !pod.hostNetwork && !pod.hostPID && !pod.hostIPC,
    'Privileged Containers': everyContainer(own => !own.privileged),
    'HostPath Volumes': pod.volumes.every(volume => !('hostPath' in volume)),
    'Host Ports': all.every(each => each.ports.every(({ hostPort }) => hostPort === 0)),
    'Host Probes / Lifecycle Hooks': actions.every(each => !each?.httpGet?.host && !each?.tcpSocket?.host),
    AppArmor: contexts.every(each => !each.appArmorProfile || APPARMOR.includes(each.appArmorProfile.type)),
    SELinux: contexts.every(
      ({ seLinuxOptions: own }) => !own || (SELINUX_TYPES.includes(own.type) && !own.user && !own.role),
    ),
    '/proc Mount Type': everyContainer(own => own.procMount === 'Default'),
    Sysctls: pod.securityContext.sysctls.every(({ name }) => SYSCTLS.has(name)),
    'Volume Types': pod.volumes.every(volume =>
      Object.keys(volume).every(key => key === 'name' || VOLUME_TYPES.has(key)),
    ),
    'Privilege Escalation': everyContainer(own => !own.allowPrivilegeEscalation),
    'Running as Non-root': everyContainer(own => own.runAsNonRoot ?? pod.securityContext.runAsNonRoot ?? false),
    'Running as Non-root user': contexts.every(each => each.runAsUser !== 0),
    Seccomp: everyContainer(own => {
      const type = (own.seccompProfile ?? pod.securityContext.seccompProfile)?.type ?? 'Unconfined';
      return SECCOMP.includes(type) && SECCOMP.includes(pod.securityContext.seccompProfile?.type ?? 'RuntimeDefault');
    }),
    Capabilities: everyContainer(
      ({ capabilities: { add, drop } }) => drop.includes('ALL') && add.every(name => name === 'NET_BIND_SERVICE'),
    ),
  };
  return Object.keys(controls).filter(name => !controls[name]);
}
