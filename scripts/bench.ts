// `npm run bench`: how fast the tunnel is beside the usual way, as ratios of the same run; also into bench.json.
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { benchTunnel } from '../test/bench/tunnel.ts';
import { root } from './host/paths.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const rows = await benchTunnel(Number(values.rounds));
const number = (value: number) => value.toFixed(value < 10 ? 2 : 0);
console.table(
  Object.fromEntries(
    rows.map(({ name, unit, ours, peer, ratio }) => [
      name,
      {
        ratio: ratio.toFixed(2),
        better: unit === 'ms' ? 'below 1' : 'above 1',
        ours: `${number(ours)} ${unit}`,
        peer: `${number(peer)} ${unit}`,
      },
    ]),
  ),
);
const machine = { node: process.version, cpus: os.availableParallelism(), load: os.loadavg()[0] };
await writeFile(
  path.join(root, 'bench.json'),
  `${JSON.stringify({ version: 1, at: new Date().toISOString(), machine, rows }, null, 2)}\n`,
);
console.log('The peer is @kubernetes/client-node’s PortForward behind a local listener. Written to bench.json.');
process.exit(); // the peer's WebSockets have no end of their own
