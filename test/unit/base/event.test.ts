import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Emitter } from '../../../src/base/event.ts';

test('listeners hear in order, the same one twice if it came twice, and none after it has left', () => {
  const emitter = new Emitter<number>();
  const heard: string[] = [];
  const listener = (value: number) => void heard.push(`a${value}`);
  const first = emitter.event(listener);
  emitter.event(listener);
  emitter.event(value => void heard.push(`b${value}`));
  emitter.fire(1);
  first.dispose();
  emitter.fire(2);
  emitter.dispose();
  emitter.fire(3);
  assert.deepEqual(heard, ['a1', 'a1', 'b1', 'a2', 'b2']);
});

test('a listener that throws harms nobody else, and is heard of', () => {
  const module = fileURLToPath(new URL('../../../src/base/event.ts', import.meta.url));
  const script = `
    const { Emitter } = await import(${JSON.stringify(module)});
    process.on('uncaughtException', error => console.log('heard of: ' + error.message));
    const emitter = new Emitter();
    emitter.event(() => { throw new Error('mine'); });
    emitter.event(() => console.log('the other'));
    emitter.fire();
    console.log('went on');
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  assert.equal(stdout, 'the other\nwent on\nheard of: mine\n', stderr);
});
