import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    // Whole machines on a loaded one: a failure that does not come twice is shown as a retry, not as red.
    retry: 1,
  },
});
