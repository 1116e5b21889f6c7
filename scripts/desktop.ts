// `npm run test:desktop`: the in-host suite in desktop VS Code, which @vscode/test-electron downloads.
import path from 'node:path';
import { runTests } from '@vscode/test-electron';
import { build } from './build.ts';
import { bundleHostTests, tellResults } from './host/inHost.ts';
import { root } from './host/paths.ts';
import { temporaryDirectory } from './host/processes.ts';

const directory = temporaryDirectory('desktop');
const resultFile = path.join(directory.path, 'results.json');
try {
  await build();
  const runner = await bundleHostTests();
  await runTests({
    extensionDevelopmentPath: root,
    extensionTestsPath: runner,
    extensionTestsEnv: { AGENT_ID_HOST_RESULTS: resultFile },
    launchArgs: [
      ...['--user-data-dir', path.join(directory.path, 'data')],
      ...['--extensions-dir', path.join(directory.path, 'extensions')],
      '--disable-extensions',
    ],
  });
} catch (error) {
  process.exitCode = 1;
  console.error(error instanceof Error ? error.message : error);
} finally {
  const tally = tellResults(resultFile);
  if (!tally || tally.failed > 0 || tally.passed === 0) process.exitCode = 1;
  console.log(`${tally?.passed ?? 0} passed, ${tally?.failed ?? 0} failed`);
  directory.remove();
}
