// Runs test files of node:test, each in a process of its own, and tells how it goes while it goes.
import path from 'node:path';
import { run } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { inspect, stripVTControlCharacters } from 'node:util';
import { root } from './paths.ts';

export interface Tally {
  passed: number;
  failed: number;
  /** Tests that do not apply to the endpoints of this run; they count as neither passed nor failed. */
  skipped: number;
}

export interface SuiteOptions {
  /** Absolute paths. */
  files: string[];
  /** How many files run at the same time. */
  concurrency: number;
  /** A file that gives no sign of life for so many ms is ended, and has failed. */
  idleMs: number;
  /** Ends everything at once. */
  signal: AbortSignal;
  /** Prints each test, and what it writes, at once: for suites of a few slow ones. */
  verbose?: boolean;
}

/** Runs all files and prints a line for each. A file that fails outside its tests, or has none, is a failed test. */
export async function runSuite(options: SuiteOptions): Promise<Tally> {
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  const waiting = [...options.files];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined && !options.signal.aborted; file = waiting.shift()) {
      const tally = await runFile(file, options);
      total.passed += tally.passed;
      total.failed += tally.failed;
      total.skipped += tally.skipped;
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, worker));
  return total;
}

async function runFile(file: string, { idleMs, signal, verbose }: SuiteOptions): Promise<Tally> {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  const name = path.relative(root, file);
  const started = Date.now();
  const details: string[] = []; // said only when the file fails
  const say = (text: string) => (verbose ? console.log(text) : details.push(text));
  const stuck = new AbortController();
  const idle = setTimeout(() => stuck.abort(), idleMs);
  const either = AbortSignal.any([stuck.signal, signal]);
  try {
    const events = run({ files: [file], isolation: 'process', signal: either }) as AsyncIterable<TestEvent>;
    for await (const event of events) {
      idle.refresh();
      takeEvent(event, tally, say);
    }
  } finally {
    clearTimeout(idle);
  }
  if (stuck.signal.aborted) say(`  Nothing happened in it for ${idleMs / 1000} s: it was ended.`);
  if (tally.passed + tally.failed + tally.skipped === 0) {
    tally.failed++;
    say('  There is no test in it.');
  }
  const counts = [`${tally.passed} passed`];
  if (tally.failed > 0) counts.push(`${tally.failed} failed`);
  if (tally.skipped > 0) counts.push(`${tally.skipped} not applicable`);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${tally.failed > 0 ? '✖' : '✔'} ${name}  ${counts.join(', ')}, ${seconds} s`);
  if (tally.failed > 0) for (const detail of details) console.log(detail);
  return tally;
}

function takeEvent({ type, data }: TestEvent, tally: Tally, say: (text: string) => void): void {
  switch (type) {
    case 'test:stdout':
    case 'test:stderr':
      say(data.message.trimEnd());
      break;
    case 'test:diagnostic':
      if (!('entryFile' in data)) break; // the totals of the run
      say(indented(data.message));
      // an error after the end of its test: node only remarks on it, but nobody has handled it
      if (/generated asynchronous activity after the test ended/.test(data.message)) tally.failed++;
      break;
    case 'test:pass': {
      if (!('entryFile' in data)) break; // the file itself, when it has no tests
      if (data.details.type === 'suite' && data.skip === undefined) break; // its tests speak for it
      if (data.skip !== undefined || data.todo !== undefined) tally.skipped++;
      else tally.passed++;
      const remark = typeof data.skip === 'string' ? data.skip : 'not applicable';
      say(
        data.skip === undefined
          ? `  ✔ ${data.name} (${Math.round(data.details.duration_ms)} ms)`
          : `  - ${data.name}: ${remark}`,
      );
      break;
    }
    case 'test:fail': {
      const { error } = data.details;
      const { failureType } = error as { failureType?: string };
      if (failureType === 'subtestsFailed') break; // they have been counted themselves
      tally.failed++;
      const cause = error.cause instanceof Error ? error.cause : error;
      say(`  ✖ ${data.name}\n${indented(stripVTControlCharacters(cause.stack ?? inspect(cause)))}`);
      break;
    }
    default:
  }
}

function indented(text: string): string {
  return text.replace(/^/gm, '      ');
}
