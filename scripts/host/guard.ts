// The process that stays behind: it reads from its parent which process groups and temporary folders exist, and when
// its input ends, because the parent ended in whatever way, it ends and removes what the parent had not.
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { killGroup } from './processes.ts';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const groups = new Set<number>();
const folders = new Set<string>();
for await (const line of createInterface(process.stdin)) {
  const [word = '', ...rest] = line.split(' ');
  const value = rest.join(' ');
  if (word === '+group') groups.add(Number(value));
  if (word === '-group') groups.delete(Number(value));
  if (word === '+folder') folders.add(value);
  if (word === '-folder') folders.delete(value);
}
for (const group of groups) killGroup(group, 'SIGTERM');
for (let tick = 0; tick < 40 && [...groups].some(group => killGroup(group, 0)); tick++) await sleep(100);
for (const group of groups) killGroup(group, 'SIGKILL');
for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
