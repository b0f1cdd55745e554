/** The jobs of cpu and counting as Node runs them: what the package's own build made of them. */
export { CPU_KERNELS, type Kernel } from '../workloads/cpu-kernels.js';
export { TIGHT_KERNELS } from '../workloads/tight-loops.js';
