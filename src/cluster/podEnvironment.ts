import type { Problems, Reader, Sourced } from './findings.ts';
import type { Container } from './kubeObjects.ts';

/** The environment of a container, as far as ConfigMaps and literals make it. Secrets are not read, on purpose. */
export class PodEnvironment {
  readonly #values = new Map<string, Sourced<string>>();
  readonly #lowerCase = new Map<string, string>();

  /**
   * Source of the order: kubernetes.io/docs/tasks/inject-data-application: `envFrom` in order, the last wins, then
   * `env`, which wins over it; `$(NAME)` in a literal is replaced by what came before.
   */
  static async of(
    container: Container,
    deployment: string,
    reader: Reader,
    problems: Problems,
  ): Promise<PodEnvironment> {
    const environment = new PodEnvironment();
    for (const { prefix, configMapRef } of container.envFrom ?? []) {
      if (!configMapRef?.name) continue;
      const data = await reader.configMap(configMapRef.name, problems);
      for (const [key, value] of Object.entries(data))
        environment.#set(`${prefix ?? ''}${key}`, { value, source: `ConfigMap ${configMapRef.name}, key ${key}` });
    }
    for (const { name, value, valueFrom } of container.env ?? []) {
      const reference = valueFrom?.configMapKeyRef;
      if (reference?.name) {
        const found = (await reader.configMap(reference.name, problems))[reference.key];
        const source = `ConfigMap ${reference.name}, key ${reference.key}`;
        if (found !== undefined) environment.#set(name, { value: found, source });
      } else if (typeof value === 'string') {
        const source = `Deployment ${deployment}, container ${container.name}, variable ${name}`;
        environment.#set(name, { value: environment.#expand(value), source });
      }
    }
    return environment;
  }

  get(name: string): Sourced<string> | undefined {
    return this.#values.get(name);
  }

  /** By a key of .NET configuration, which does not tell cases apart. */
  setting(name: string): Sourced<string> | undefined {
    return this.#values.get(this.#lowerCase.get(name.toLowerCase()) ?? name);
  }

  names(): string[] {
    return [...this.#values.keys()];
  }

  #set(name: string, found: Sourced<string>): void {
    this.#values.set(name, found);
    this.#lowerCase.set(name.toLowerCase(), name);
  }

  #expand(text: string): string {
    return text.replace(/\$\(([\w.-]+)\)/g, (whole, name: string) => this.#values.get(name)?.value ?? whole);
  }
}
