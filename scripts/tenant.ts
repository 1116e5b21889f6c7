// `npm run tenant -- setup|check|remove|print`: the administrative part, in the Entra tenant. docs/setup-tenant.md.
import { setTimeout } from 'node:timers/promises';
import { createInterface } from 'node:readline/promises';
import { run } from './tenant/run.ts';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (interrupt.signal.aborted) process.exit(1); // asked twice: not even the clean-up is waited for
    interrupt.abort();
  });

process.exitCode = await run(process.argv.slice(2), {
  fetch,
  sleep: async (ms, signal) => void (await setTimeout(ms, undefined, { signal })),
  now: () => Date.now(),
  say: line => console.error(line),
  print: text => console.log(text),
  async ask(question) {
    if (!process.stdin.isTTY) return undefined;
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await lines.question(question, { signal: interrupt.signal });
    } finally {
      lines.close();
    }
  },
  signal: interrupt.signal,
});
