import { defineConfig } from 'vitest/config';
import type { Reporter } from 'vitest/node';

/** Says why a test failed that passed when it was tried again. */
const retried: Reporter = {
  onTestCaseResult(test) {
    if (test.diagnostic()?.flaky !== true) return;
    const errors = test.result().errors?.map(({ message, stacks }) => {
      const [at] = stacks ?? [];
      return at === undefined ? message : `${message} (${at.file}:${at.line})`;
    });
    process.stderr.write(`retried: ${test.fullName}: ${errors?.join('; ')}\n`);
  },
};

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', retried],
    // Whole machines on a loaded one: a failure that does not come twice is shown as a retry, not as red.
    retry: 1,
  },
});
