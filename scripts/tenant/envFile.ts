import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { TenantError } from './errors.ts';

/**
 * The `.env` that k8s/deploy.sh reads. For this script it is also the memory of what it made: ids are found by it even
 * before a search of the directory shows a new object. Lines of others stay as they are. Only this machine's user may
 * read it, although nothing in it is secret.
 */
export class EnvFile {
  readonly path: string;
  readonly #lines: string[];

  /** A file that does not exist begins as the example, or empty. Throws `TenantError` for one that can't be read. */
  constructor(path: string, example?: string) {
    this.path = path;
    const source = [path, example].find(candidate => candidate !== undefined && existsSync(candidate));
    const text = source === undefined ? undefined : attempt(path, 'read', () => readFileSync(source, 'utf8'));
    this.#lines = text === undefined ? [] : text.replace(/\n$/, '').split(/\r?\n/);
  }

  /** Undefined for a name that has no line or no value. Quotes and comments as deploy.sh takes them. */
  get(name: string): string | undefined {
    const line = this.#lines.findLast(candidate => nameOf(candidate) === name);
    if (line === undefined) return undefined;
    const text = line.slice(line.indexOf('=') + 1).trim();
    const quoted = /^(["'])(.*?)\1/.exec(text);
    const value = quoted ? quoted[2] : text.replace(/(^|\s)#.*$/, '').trim();
    return value || undefined;
  }

  /** All names, each once. */
  names(): string[] {
    return [...new Set(this.#lines.map(nameOf).filter(name => name !== undefined))];
  }

  /**
   * Changes the line of a name, or the commented one of the example, or adds one; an empty value leaves the name. Throws
   * `TenantError` where the file can't be written.
   */
  set(name: string, value: string): void {
    if ((this.get(name) ?? '') === value) return;
    const held = this.#lines.findLastIndex(line => nameOf(line) === name);
    const place = held >= 0 ? held : this.#lines.findIndex(line => new RegExp(`^#\\s*${name}=`).test(line));
    if (place >= 0) this.#lines[place] = `${name}=${value}`;
    else this.#lines.push(`${name}=${value}`);
    this.#write();
  }

  #write(): void {
    const temporary = `${this.path}.new`;
    attempt(this.path, 'written', () => {
      rmSync(temporary, { force: true }); // one that is there would keep its mode
      writeFileSync(temporary, `${this.#lines.join('\n')}\n`, { mode: 0o600 });
      renameSync(temporary, this.path); // never half a file
    });
  }
}

function attempt<T>(path: string, what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TenantError(`${path} can't be ${what} (${code}).`, 'Name another file with --env.', error);
  }
}

function nameOf(line: string): string | undefined {
  return /^\s*(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=/.exec(line)?.[1];
}
