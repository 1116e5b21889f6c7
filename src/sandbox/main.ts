import { parseArgs } from 'node:util';
import * as v from 'valibot';
import type { SandboxOptions } from './sandbox.ts';

const USAGE = `Starts the SANDBOX: a simulated Entra tenant and cluster on this machine.
  --json                 print one line of JSON with everything a client needs, when ready
  --gateway-url URL      use a real AgentGateway at URL; it may start later
  --gateway-port PORT    listener port to write into the gateway's file
  --llm-url URL          use a real OpenAI-compatible model (key in SANDBOX_LLM_KEY) ...
  --llm-model NAME       ... and its name
  --sidecar-version V    1.0.0 or 1.1.1 (default)
  --token-lifetime S     lifetime of tokens with a user, in seconds
  --user-claims JSON     claims to add to tokens with a user
Stays up until SIGINT or SIGTERM.`;

const port = v.pipe(v.string(), v.digits('a port is a number'), v.transform(Number), v.maxValue(65535));
const Flags = v.pipe(
  v.object({
    json: v.optional(v.boolean()),
    'gateway-url': v.optional(v.pipe(v.string(), v.url())),
    'gateway-port': v.optional(port),
    'llm-url': v.optional(v.pipe(v.string(), v.url())),
    'llm-model': v.optional(v.pipe(v.string(), v.nonEmpty())),
    'sidecar-version': v.optional(v.picklist(['1.0.0', '1.1.1'])),
    'token-lifetime': v.optional(v.pipe(v.string(), v.digits(), v.transform(Number), v.minValue(1))),
    'user-claims': v.optional(v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()))),
  }),
  v.check(
    flags => (flags['llm-url'] === undefined) === (flags['llm-model'] === undefined),
    '--llm-url and --llm-model go together',
  ),
);

/** The options that a command line asks for; throws with a sentence about the first flag that is wrong. */
function parseFlags(argv: string[]): { json: boolean; options: SandboxOptions } {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: argv,
    options: {
      json: { type: 'boolean' },
      'gateway-url': text,
      'gateway-port': text,
      'llm-url': text,
      'llm-model': text,
      'sidecar-version': text,
      'token-lifetime': text,
      'user-claims': text,
    },
  });
  const parsed = v.safeParse(Flags, values);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const flag = v.getDotPath(issue);
    throw new Error(`${flag === null ? '' : `--${flag}: `}${issue.message}`);
  }
  const flags = parsed.output;
  return {
    json: flags.json ?? false,
    options: {
      log: message => console.error(message),
      gatewayUrl: flags['gateway-url'],
      gatewayPort: flags['gateway-port'],
      llmUrl: flags['llm-url'],
      llmModel: flags['llm-model'],
      llmKey: process.env.SANDBOX_LLM_KEY,
      sidecarVersion: flags['sidecar-version'],
      tokenLifetimeSeconds: flags['token-lifetime'],
      userClaims: flags['user-claims'],
    },
  };
}

async function main(): Promise<void> {
  let flags;
  try {
    flags = parseFlags(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
  // Loaded only now: a wrong flag is answered at once.
  const starting = import('./sandbox.ts').then(({ startSandbox }) => startSandbox(flags.options));
  let ending = false;
  const end = (code: number): void => {
    if (ending) return;
    ending = true;
    const closed = starting.then(
      sandbox => sandbox.close(),
      () => {},
    );
    void closed.finally(() => process.exit(code));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(0));
  process.on('disconnect', () => end(0)); // forked by the editor: its end is ours

  try {
    const { connection } = await starting;
    if (flags.json) process.stdout.write(`${JSON.stringify(connection)}\n`);
    else
      console.error(
        `SANDBOX is up. Sign in at ${connection.login.url} as ${connection.users.map(user => user.upn).join(' or ')}.`,
      );
    process.send?.(connection);
  } catch (error) {
    console.error(`The sandbox did not start: ${reason(error)}`);
    process.exit(1);
  }
}

/** A port that is taken is the one failure that a flag brings about; whatever else it is, is ours to find. */
function reason(error: unknown): string {
  if (v.is(v.object({ code: v.literal('EADDRINUSE'), port: v.number() }), error))
    return `port ${error.port} is in use. Choose another one with --gateway-port.`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

await main();
