/** One start of a machine, in the process that is measured: folder, cache and schedulers as arguments. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { startVm } from 'tsvm/vm';
import type { Start } from './start-large.js';

const [modules = '', cache = '', schedulers] = process.argv.slice(2);
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const vm = await startVm({ modules, cache, schedulers: Number(schedulers), logger: false });
const start: Start = { ms: performance.now(), blockedMs: delay.max / 1e6 };
process.stdout.write(`${JSON.stringify(start)}\n`);
await vm.stop();
