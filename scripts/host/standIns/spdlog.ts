// Takes the place of the native module @vscode/spdlog in the VS Code server: without it VS Code writes no log files and
// the output channels of extensions stay empty. Only what VS Code calls is here; lines go straight to disk.
import { appendFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';

export const version = 0;

const LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'] as const;

export class Logger {
  readonly #file: string;
  readonly #maximum: number;
  readonly #kept: number;
  #level = 2;
  #raw = false;

  constructor(_type: string, _name: string, file: string, maximum: number, kept: number) {
    this.#file = file;
    this.#maximum = maximum;
    this.#kept = kept;
    mkdirSync(path.dirname(file), { recursive: true });
    appendFileSync(file, '');
  }

  trace(message: string): void {
    this.#write(0, message);
  }
  debug(message: string): void {
    this.#write(1, message);
  }
  info(message: string): void {
    this.#write(2, message);
  }
  warn(message: string): void {
    this.#write(3, message);
  }
  error(message: string): void {
    this.#write(4, message);
  }
  critical(message: string): void {
    this.#write(5, message);
  }

  getLevel(): number {
    return this.#level;
  }
  setLevel(level: number): void {
    this.#level = level;
  }
  /** VS Code only ever asks for the pattern that is used here. */
  setPattern(_pattern: string): void {
    this.#raw = false;
  }
  clearFormatters(): void {
    this.#raw = true;
  }
  flush(): void {}
  drop(): void {}

  #write(level: number, message: string): void {
    if (level < this.#level) return;
    this.#rotate();
    const time = new Date();
    const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
    const stamp = local.toISOString().replace('T', ' ').replace('Z', '');
    // A channel that cleared the formatters brings its own line ends.
    appendFileSync(this.#file, this.#raw ? message : `${stamp} [${LEVELS[level]}] ${message}\n`);
  }

  #rotate(): void {
    if (!existsSync(this.#file) || statSync(this.#file).size < this.#maximum) return;
    const { dir, name, ext } = path.parse(this.#file);
    const numbered = (index: number) => (index === 0 ? this.#file : path.join(dir, `${name}.${index}${ext}`));
    for (let index = this.#kept - 1; index >= 0; index--)
      if (existsSync(numbered(index))) renameSync(numbered(index), numbered(index + 1));
  }
}

export function createAsyncRotatingLogger(name: string, file: string, maximum: number, kept: number): Promise<Logger> {
  return Promise.resolve(new Logger('rotating', name, file, maximum, kept));
}

/** The defaults of every logger; VS Code sets the level of each logger itself right after it made it. */
export function setLevel(_level: number): void {}
export function setFlushOn(_level: number): void {}
