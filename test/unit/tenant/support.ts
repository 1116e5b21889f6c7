import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, beforeEach } from 'node:test';
import { run } from '../../../scripts/tenant/run.ts';
import { ISSUER, TENANT, type TenantState } from './directory.ts';
import { startStandIn, type StandIn } from './standIn.ts';

export const RESOURCE =
  '/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/contoso';

export interface Outcome {
  readonly code: number;
  /** Everything that a person sees. */
  readonly seen: string;
  readonly stdout: string;
  /** Milliseconds that were waited for, each. */
  readonly waits: number[];
}

export interface More {
  /** What the person answers when asked. */
  answer?: string;
  signal?: AbortSignal;
  /** What the person does on reading a line. */
  onLine?: (line: string) => void;
}

export interface Tenant {
  /** The tenant of the running test. */
  readonly state: TenantState;
  /** Where the three services are: the host's name is the first part of the path. */
  readonly origin: string;
  /** The .env of the running test. */
  readonly env: string;
  readEnv(name: string): string | undefined;
  writeEnv(text: string): void;
  /** One run of the script in this tenant, with this .env. Time passes only where it waits. */
  tenant(command: string, args?: readonly string[], more?: More): Promise<Outcome>;
  /** Setup with everything that can be set up. */
  setup(...args: string[]): Promise<Outcome>;
}

/** A tenant and a .env for each test of a file. After each, no request was wrong and no secret was seen. */
export function useTenant(): Tenant {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'agent-id-tenant-'));
  let standIn: StandIn;
  let number = 0;
  let everything = '';
  beforeEach(async () => {
    standIn = await startStandIn();
    number++;
    everything = '';
  });
  afterEach(async () => {
    await standIn.stop();
    assert.deepEqual(standIn.state.violations, []);
    const env = existsSync(it.env) ? readFileSync(it.env, 'utf8') : '';
    for (const secret of [...standIn.state.secrets, ...standIn.state.tokens.keys()])
      assert.ok(!everything.includes(secret) && !env.includes(secret), 'a secret was shown or written');
  });
  after(() => rmSync(folder, { recursive: true }));
  const it: Tenant = {
    get state() {
      return standIn.state;
    },
    get origin() {
      return `http://127.0.0.1:${standIn.port}`;
    },
    get env() {
      return path.join(folder, `${number}.env`);
    },
    readEnv: name => new RegExp(`^${name}=(.*)$`, 'm').exec(readFileSync(it.env, 'utf8'))?.[1],
    writeEnv: text => writeFileSync(it.env, text),
    async tenant(command, args = [], more = {}) {
      const waits: number[] = [];
      const lines: string[] = [];
      const printed: string[] = [];
      let now = Date.parse('2026-03-01T12:00:00Z');
      const code = await run([command, '--env', it.env, ...args], {
        fetch: standIn.fetch,
        async sleep(ms, signal) {
          signal.throwIfAborted();
          waits.push(ms);
          now += ms;
        },
        now: () => now,
        say(line) {
          lines.push(line);
          more.onLine?.(line);
        },
        print: text => void printed.push(text),
        ask: async question => {
          lines.push(question);
          return more.answer;
        },
        signal: more.signal ?? new AbortController().signal,
      });
      const stdout = printed.join('\n');
      const seen = `${lines.join('\n')}\n${stdout}`;
      everything += seen;
      return { code, seen, stdout, waits: waits.filter(ms => ms > 0) };
    },
    setup: (...args) =>
      it.tenant('setup', ['--tenant', TENANT, '--issuer', ISSUER, '--openai-resource', RESOURCE, ...args]),
  };
  return it;
}

export const modeOf = (file: string): number => statSync(file).mode & 0o777;
