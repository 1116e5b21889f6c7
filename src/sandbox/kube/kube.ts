import type { Kubernetes, KubernetesOptions } from './types.ts';

/** Starts the simulated cluster on 127.0.0.1. */
export function startKubernetes(options: KubernetesOptions): Promise<Kubernetes> {
  return Promise.reject(new Error(`The simulated cluster for ${options.user} is being written.`));
}
