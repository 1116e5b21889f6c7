// `npm run build`: everything into dist/ (see esbuild.mjs), then its sizes.
import path from 'node:path';
import { measure } from './budgets.ts';
import { must } from './host/processes.ts';
import { root } from './host/paths.ts';

/** Runs esbuild.mjs in a process of its own; throws with its errors. */
export async function build(): Promise<void> {
  await must(process.execPath, [path.join(root, 'esbuild.mjs')], { cwd: root });
}

if (import.meta.main) {
  await build();
  for (const { file, bytes } of measure()) console.log(`${String(Math.ceil(bytes / 1024)).padStart(6)} KiB  ${file}`);
}
