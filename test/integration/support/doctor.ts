import type { ConnectionPlan } from '../../../src/agent/configuration.ts';
import { parseWorld } from '../../../src/agent/world.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { redactingLogger, type Logger } from '../../../src/base/logger.ts';
import { examine, type DoctorDeps, type Examination } from '../../../src/doctor/doctor.ts';
import type { CheckId, CheckState } from '../../../src/doctor/report.ts';
import type { DoctorCheck } from '../../../src/protocol/doctor.ts';
import { doctorRow } from '../../../src/views/doctorRow.ts';
import type { Translate } from '../../../src/views/messages/catalogue.ts';
import { sayer } from '../../../src/views/messages/index.ts';
import { memorySecrets } from '../../../src/views/secrets.ts';
import { planWorld } from '../../../src/views/planWorld.ts';
import { fillLoginPage, PUBLIC_CLIENT, type TestSandbox } from './sandbox.ts';

export interface DoctorOptions {
  plan?: (plan: ConnectionPlan) => ConnectionPlan | undefined;
  deps?: Partial<DoctorDeps>;
  changed?: (id: CheckId, examination: Examination) => void;
  signal?: AbortSignal;
}

/** The Doctor over the sandbox, with a person who signs in by the form. Each run signs in anew. */
export function doctorOf(sandbox: TestSandbox) {
  const log: string[] = [];
  const write = (line: string) => void log.push(line);
  const logger: Logger = redactingLogger({ debug: write, info: write, warn: write, error: write });
  const run = (options: DoctorOptions = {}): Examination => {
    const plan = planWorld(parseWorld(sandbox.json, 'sandbox'), true, undefined);
    const deps: DoctorDeps = {
      plan: options.plan ? options.plan(plan) : plan,
      choose: async () => undefined,
      settings: {
        authority: 'https://login.microsoftonline.com',
        clientId: PUBLIC_CLIENT,
        clientIdIsDefault: true,
      },
      overrides: () => deps.settings,
      interaction: {
        signIn: (signIn, signal) =>
          signIn.deviceCode({
            signal,
            onPrompt: ({ userCode }) => void fillLoginPage(sandbox.json, userCode),
          }),
        trust: async () => true,
      },
      secrets: memorySecrets(),
      memory: memorySecrets(),
      trust: { get: () => undefined, add: async () => {} },
      fetch: (input, init) => fetch(input, init),
      logger,
      clock: systemClock,
      clientVersion: '0.0.0',
      patience: { every: 200, atMost: 0 },
      ...options.deps,
    };
    let examination: Examination | undefined;
    const signal = options.signal ?? AbortSignal.timeout(90_000);
    return (examination = examine(deps, id => examination && options.changed?.(id, examination), signal));
  };
  return { run, log };
}

/** The kinds of all states, for a look at the whole. */
export function kinds(report: ReadonlyMap<CheckId, CheckState>): Record<string, string> {
  return Object.fromEntries([...report].map(([id, state]) => [id, state.kind]));
}

const translate: Translate = (message, ...args) =>
  message.replace(/\{(\d)\}/g, (_all, index: string) => String(args[Number(index)]));
const say = sayer(translate);

/** A check as the page shows it, to somebody of whom nothing is known. */
export const rowOf = Object.assign(
  (id: CheckId, state: CheckState): DoctorCheck => doctorRow(id, state, { t: translate, say, known: () => undefined }),
  { say },
);
