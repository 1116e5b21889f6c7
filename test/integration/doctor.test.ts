import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CHECKS } from '../../src/doctor/report.ts';
import { doctorOf, kinds } from './support/doctor.ts';
import { startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
let doctor: ReturnType<typeof doctorOf>;
before(async () => {
  sandbox = await startSandbox();
  doctor = doctorOf(sandbox);
});
after(() => sandbox.stop());

test('everything passes where everything is well, and nothing that it opened stays', async () => {
  const examination = doctor.run();
  await examination.ended;
  const found = kinds(examination.report);
  assert.deepEqual(Object.keys(found).toSorted(), CHECKS.toSorted());
  for (const id of CHECKS)
    assert.ok(found[id] === 'passed' || id === 'federation', `${id}: ${JSON.stringify(examination.report.get(id))}`);
  assert.equal(examination.user, sandbox.json.users[0]?.upn);
  const { tunnels } = (await sandbox.control('kubernetes')) as { tunnels: number };
  assert.equal(tunnels, 0);
  assert.doesNotMatch(doctor.log.join('\n'), /eyJ[\w-]{8,}\./);
});
