// `npm run lint`: everything that can be said about the code without running it.
import { buildChecks, lintChecks, typeChecks } from './checks.ts';
import { describe } from '../src/base/errors.ts';

let failed = 0;
for (const check of [...lintChecks, ...typeChecks, ...buildChecks]) {
  try {
    await check.run();
    console.log(`✔ ${check.name}`);
  } catch (error) {
    failed++;
    console.log(`✖ ${check.name}\n${error instanceof Error ? error.message : describe(error)}`);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
