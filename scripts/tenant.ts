// `npm run tenant -- setup|check|remove|print`: the administrative part, in the Entra tenant. docs/setup-tenant.md.
import { setGlobalProxyFromEnv } from 'node:http';
import { createInterface } from 'node:readline/promises';
import { setTimeout } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { run } from './tenant/run.ts';

/** One Ctrl+C arrives twice: from the terminal, and passed on by the launcher. Only a later one is a second one. */
const SAME_KEY_MS = 2000;

// As browser and editor reach the internet on this machine, which in a company is mostly not the straight way.
setGlobalProxyFromEnv();
setDefaultCACertificates([...getCACertificates('default'), ...getCACertificates('system')]);

const interrupt = new AbortController();
let interruptedAt = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    const again = interrupt.signal.aborted && Date.now() - interruptedAt > SAME_KEY_MS;
    if (again && signal === 'SIGINT') process.exit(1); // not even the clean-up is waited for
    if (interrupt.signal.aborted) return;
    interruptedAt = Date.now();
    console.error('Stopping, after cleaning up. Ctrl+C once more stops at once.');
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
