// The checks that read the code instead of running it. Each counts as one test; `npm run lint` runs all of them.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { brokenBudgets } from './budgets.ts';
import { build } from './build.ts';
import { must } from './host/processes.ts';
import { root } from './host/paths.ts';

export interface Check {
  readonly name: string;
  /** Throws with what is wrong. */
  readonly run: () => Promise<void>;
}

/** A tool of node_modules, run under this very Node in the project's root. */
function tool(name: string, bin: string, ...args: string[]): Check {
  const file = path.join(root, 'node_modules', bin);
  return { name, run: async () => void (await must(process.execPath, [file, ...args], { cwd: root })) };
}

export const lintChecks: readonly Check[] = [
  tool('eslint', 'eslint/bin/eslint.js', '--max-warnings', '0', '.'),
  tool('prettier', 'prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
  tool('knip', 'knip/bin/knip.js'),
  { name: 'declared commands are the registered ones', run: commandsMatch },
];

export const typeChecks: readonly Check[] = [
  tool('tsc', 'typescript/bin/tsc', '-p', '.'),
  tool('tsc of the webviews', 'typescript/bin/tsc', '-p', 'src/webviews'),
];

export const buildChecks: readonly Check[] = [
  { name: 'build', run: build },
  {
    name: 'budgets',
    async run() {
      const broken = brokenBudgets();
      if (broken.length > 0) throw new Error(broken.join('\n'));
    },
  },
];

const Manifest = v.object({
  contributes: v.object({ commands: v.array(v.object({ command: v.string(), category: v.string() })) }),
});

/** `contributes.commands` and the `commandIds` of src/views/commands.ts, from which the commands are registered. */
async function commandsMatch(): Promise<void> {
  const manifest = v.parse(Manifest, JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')));
  const declared = manifest.contributes.commands.map(({ command }) => command);
  const source = readFileSync(path.join(root, 'src', 'views', 'commands.ts'), 'utf8');
  const table = /export const commandIds = \[([^\]]*)\]/.exec(source)?.[1];
  if (table === undefined) throw new Error('src/views/commands.ts has no literal array commandIds.');
  const registered = [...table.matchAll(/'([^']+)'/g)].map(match => match[1] ?? '');
  const missing = (of: string[], from: string[]) => of.filter(id => !from.includes(id));
  const wrong = [
    ...missing(declared, registered).map(id => `${id} is declared in package.json but not in commandIds.`),
    ...missing(registered, declared).map(id => `${id} is in commandIds but not declared in package.json.`),
    ...declared.filter((id, index) => declared.indexOf(id) !== index).map(id => `${id} is declared twice.`),
  ];
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
}
