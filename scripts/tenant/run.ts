import { isCancellation } from '../../src/base/errors.ts';
import { redact } from '../../src/base/redact.ts';
import { Azure } from './azure.ts';
import { check } from './check.ts';
import type { Context } from './context.ts';
import { Directory } from './directory.ts';
import { explained, TenantError } from './errors.ts';
import { Graph } from './graph.ts';
import { readOptions, USAGE, type Options } from './options.ts';
import { print } from './print.ts';
import { remove } from './remove.ts';
import { setup } from './setup.ts';
import { PERMISSIONS, signInToAzure, signInToGraph } from './signIn.ts';
import type { World } from './world.ts';

/** The command line. The exit code: 0 done, 1 something is missing or failed, 2 not understood. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions(argv);
  } catch (error) {
    return fail(world, error, 2);
  }
  if (!options) {
    world.print(USAGE);
    return argv.length === 0 ? 2 : 0;
  }
  try {
    if (options.command === 'print') {
      world.print(print(options));
      return 0;
    }
    const context = await open(world, options, options.command);
    if (options.command === 'check') return (await check(context)) === 0 ? 0 : 1;
    await (options.command === 'setup' ? setup : remove)(context);
    return 0;
  } catch (error) {
    return fail(world, error, 1);
  }
}

async function open(world: World, options: Options, command: keyof typeof PERMISSIONS): Promise<Context> {
  const { tenantId } = options;
  if (tenantId === undefined)
    throw new TenantError(
      'No tenant was named.',
      'Give its id with --tenant; the Entra admin center shows it on its first page.',
    );
  const target = { tenantId, clientId: options.clientId, browser: options.browser };
  const { token, oid } = await signInToGraph(world, target, PERMISSIONS[command]);
  const azure = options.resource && new Azure(world, (await signInToAzure(world, target)).token, options.resource);
  const graph = new Graph(world, token);
  return {
    world,
    options,
    tenantId,
    me: oid,
    graph,
    directory: new Directory(graph),
    azure: azure || undefined,
    made: new Set(),
  };
}

function fail(world: World, error: unknown, code: number): number {
  if (world.signal.aborted && isCancellation(error))
    world.say('Stopped. What was made stays; running this again goes on from there.');
  else {
    const said = explained(error, 'The request');
    if (!(said instanceof TenantError)) throw said;
    world.say(redact(`${said.message}\n${said.next}`));
  }
  return code;
}
