/**
 * The process of one tsvm benchmark: a fresh VM in a fresh process of the operating system.
 *
 * Everything goes through the public API. Each body is a new process of the VM (`vm.run`).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVm } from 'tsvm/vm';
import { codeLoadBuilds } from './code-load.js';
import { hotLoad } from './hot-load.js';
import { liveMemory } from './live-memory.js';
import { packagePath } from './package-root.js';
import {
  type Measured,
  type Params,
  type PassRunner,
  printLine,
  requestFromArgv,
  runSamples,
  type Values,
} from './sampling.js';
import { startLarge } from './start-large.js';

const none = (): never => {
  throw new Error('this workload has no such pass');
};
const NONE: PassRunner = { body: none, latencies: none, values: none, sizes: none };

const request = requestFromArgv();
if (request.module === 'start-large') await runStarts();
else if (request.module === 'hot-load') await runHotLoads();
else await runWorkload();

/** Each start is a process of its own, beside this one. */
async function runStarts(): Promise<void> {
  const sizes = (_variant: string, params: Params): Promise<Values> =>
    startLarge(params, request.schedulers);
  await runSamples(request, { ...NONE, sizes }, printLine);
}

/** Each sample is a machine of its own, which watches a folder. */
async function runHotLoads(): Promise<void> {
  const values = (variant: string, params: Params): Promise<Values> =>
    hotLoad(variant, params, request.schedulers);
  await runSamples(request, { ...NONE, values }, printLine);
}

async function runWorkload(): Promise<void> {
  // On the disk, for what writes there.
  const data = request.module === 'mnesia' ? mkdtempSync(join(tmpdir(), 'tsvm-bench-')) : null;
  const vm = await startVm({
    modules: packagePath('bench', 'workloads'),
    schedulers: request.schedulers,
    watch: false,
    logger: false,
    ...(data === null ? {} : { data }),
  });
  const run = (fn: string, args: readonly unknown[]): Promise<unknown> =>
    vm.run(request.module, fn, [...args]);
  await runSamples(
    request,
    {
      body: async (variant, params) => (await run('body', [variant, params])) as Measured,
      latencies: async (variant, params) => (await run('latencies', [variant, params])) as Values,
      values: async (variant, params) => {
        // What is loaded is compiled outside of the machine, and beforehand.
        const more = 'versions' in params ? [await codeLoadBuilds(params)] : [];
        return (await run('values', [variant, params, ...more])) as Values;
      },
      sizes: async (_variant, params) => liveMemory(run, params),
    },
    printLine,
  );
  await vm.stop();
  if (data !== null) rmSync(data, { recursive: true, force: true });
}
