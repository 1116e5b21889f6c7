// Runs inside the extension host: VS Code calls `run` of the built file, and its rejection is exit code 1. The results
// also go to a file, because what the window says of them is only text.
import { globSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Mocha from 'mocha';

interface Result {
  name: string;
  /** Absent: passed. */
  error?: string;
}

export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 30_000, reporter: 'spec' });
  for (const file of globSync('*.test.cjs', { cwd: __dirname })) mocha.addFile(path.join(__dirname, file));
  const results: Result[] = [];
  const failures = await new Promise<number>(resolve => {
    const runner = mocha.run(resolve);
    runner.on('pass', test => void results.push({ name: test.fullTitle() }));
    runner.on('fail', (test, error: Error) => {
      results.push({ name: test.fullTitle(), error: error.stack ?? error.message });
    });
  });
  const file = process.env.AGENT_ID_HOST_RESULTS;
  if (file !== undefined) writeFileSync(file, JSON.stringify(results));
  if (failures > 0) throw new Error(`${failures} failed`);
}
