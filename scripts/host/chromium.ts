import { existsSync } from 'node:fs';
import { must } from './processes.ts';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/**
 * The browser that the tests drive: the one in `AGENT_ID_CHROMIUM`, the system's, or, as root on Debian, a freshly
 * installed package. Throws a sentence that says what to install when none of that works.
 */
export async function findChromium(log: (line: string) => void): Promise<string> {
  const chosen = process.env.AGENT_ID_CHROMIUM;
  if (chosen) {
    if (existsSync(chosen)) return chosen;
    throw new Error(`AGENT_ID_CHROMIUM names ${chosen}, which does not exist.`);
  }
  const found = PLACES.find(existsSync);
  if (found) return found;
  const advice =
    'The tests need Chromium. Install it (Debian: apt-get install chromium) or name one in the environment variable AGENT_ID_CHROMIUM.';
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) throw new Error(advice);
  log('Installing Chromium with apt-get');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await must('apt-get', ['update', '-q'], { env });
    await must('apt-get', ['install', '-q', '-y', '--no-install-recommends', 'chromium'], { env });
  } catch (error) {
    throw new Error(advice, { cause: error });
  }
  const installed = PLACES.find(existsSync);
  if (!installed) throw new Error(advice);
  return installed;
}
