/**
 * The machine of hot_load: it watches a folder of its own, which the workload renames builds into.
 *
 * How many versions became current, and whom that killed, is what the machine itself reports.
 */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVm } from 'tsvm/vm';
import { codeLoadBuilds, MODULE } from './code-load.js';
import { packagePath } from './package-root.js';
import type { Params, Values } from './sampling.js';

const WORKLOAD: readonly string[] = ['hot-load.ts', 'code-load.ts', 'histogram.ts', 'slot.ts'];

export async function hotLoad(
  variant: string,
  params: Params,
  schedulers: number,
): Promise<Values> {
  const folder = await mkdtemp(join(tmpdir(), 'tsvm-hot-'));
  try {
    const modules = join(folder, 'modules');
    await mkdir(modules);
    for (const file of WORKLOAD) {
      await copyFile(packagePath('bench', 'workloads', file), join(modules, file));
    }
    const builds = await codeLoadBuilds(params, variant === 'under_load' ? 'hibernate' : 'receive');
    const target = join(modules, `${MODULE}.tsvm.js`);
    await writeFile(target, builds[0] as string);
    const vm = await startVm({ modules, schedulers, watch: variant !== 'told', logger: false });
    try {
      let loads = 0;
      let killed = 0;
      vm.on('load', ({ reports }) => {
        loads += 1;
        killed += reports[0]?.killed ?? 0;
      });
      const drop = { stage: join(folder, 'next'), target, builds };
      const values = (await vm.run('hot-load', 'values', [variant, params, drop])) as Values;
      const seconds = (params['loadingMs'] ?? 0) / 1000;
      return { ...values, killed, ...(seconds > 0 ? { loads: loads / seconds } : {}) };
    } finally {
      await vm.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
