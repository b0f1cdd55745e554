// A machine that writes until it is killed: `node crash-machine.mjs MODULES DATA ROUND MODULE`.
// Its processes write what was acknowledged to standard output.
import { startVm } from 'tsvm/vm';

const [modules, data, round, module = 'db-crash'] = process.argv.slice(2);
const vm = await startVm({ modules, data, schedulers: 2, dirtyThreads: 1, logger: false });
const begin = performance.now();
const { last, problems } = await vm.run(module, 'check');
const ms = performance.now() - begin;
process.stdout.write(`checked ${JSON.stringify({ ms, last, problems })}\n`);
if (round === 'check') await vm.stop();
else await vm.run(module, 'load', [Number(round)]);
