/** SEMANTICS §3, head: the ways to die, and what runs outside of the main line of a process. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  MODULES,
  ONE_SCHEDULER,
  runProcess,
  section,
  TWO_SCHEDULERS,
  useVm,
} from '../support/section.js';

section<typeof import('./modules/crashes.js')>('crashes', {
  s3_0_an_error_becomes_plain_data: '3 an uncaught error becomes plain data with code and cause',
  s3_0_an_uncaught_throw_is_nocatch: '3 an uncaught throw of no Error is nocatch with the value',
  s3_0_a_throw_of_what_cannot_be_copied_is_nocatch_too:
    '3 an uncaught throw of what cannot be copied is nocatch too',
  s3_0_an_error_that_resists_being_read_still_ends_only_its_process:
    '3 an error whose getters throw ends its process only',
  s3_0_a_BIF_error_keeps_its_tag: '3 an uncaught error of a BIF keeps its tag',
  s3_0_exit_from_deep_inside_has_the_bare_reason: '3 exit from deep inside has the bare reason',
  s3_0_a_caught_error_harms_nobody: '3 a caught error: the process ends normally',
  s3_0_a_plain_entry_that_throws: '3 an entry that is not async and throws',
  s3_1_an_error_in_a_floating_task_ends_the_process:
    '3 an error in a task that nobody awaits ends the process',
  s3_1_an_error_at_once_in_a_floating_task_ends_the_process:
    '3 an error at once in a task that nobody awaits ends the process',
  s3_1_a_task_that_failed_before_it_is_awaited_is_caught:
    '3 a task that failed before it is awaited can be caught',
  s3_1_exit_in_a_floating_task_ends_the_process: '3 exit(reason) in a task that nobody awaits',
  s3_1_a_process_ends_with_its_entry_tasks_or_not:
    '3 a process ends with its entry, whatever its other tasks wait for',
  s3_2_a_native_promise_keeps_the_process:
    '3 native promises: self() and dictionary after each await',
  s3_2_many_processes_await_native_promises_at_once:
    '3 native promises: fifty processes at once stay themselves',
  s3_2_a_rejected_native_promise_raises: '3 native promises: a rejection raises at the await',
  s3_2_killed_while_awaiting_a_native_promise: '3 native promises: killed while it is awaited',
  s3_2_messages_come_while_a_native_promise_is_awaited:
    '3 native promises: messages wait in the mailbox meanwhile',
  s3_2_tasks_work_where_promises_work: '3 tasks work in Promise.all, race, any, allSettled, then',
  s3_2_an_error_in_then_reaches_the_process_that_awaits:
    '3 native promises: an error in then raises at the await',
  s3_3_a_crash_reaches_links_with_its_reason: '3 a crash reaches links with message and stack',
  s3_3_process_exit_ends_only_the_calling_process:
    '3 process.exit ends the calling process only, with a clear reason',
  s3_3_ProcessError_is_an_Error_with_a_reason: '3 a BIF error is a ProcessError',
});

const source = readFileSync(join(MODULES, 'crashes.ts'), 'utf8').split('\n');
const lineOf = (mark: string): number =>
  source.findIndex((line) => line.endsWith(`// LINE: ${mark}`)) + 1;

for (const placement of [ONE_SCHEDULER, TWO_SCHEDULERS]) {
  describe(`crashes: stacks [${placement.name}]`, () => {
    const machine = useVm(placement);
    test(`3 the stack of a crash shows the user's TypeScript lines [${placement.name}]`, async () => {
      const stack = await runProcess(machine().vm, 'crashes', 'stackOfAnError', [placement.peer]);
      expect(stack).toContain(`crashes.ts:${lineOf('deepest')}`);
      expect(stack).toMatch(/at deepest .*crashes\.ts/);
      expect(stack).not.toContain('runtime/coroutine');
    });

    test(`3 the stack of a crash shows who waited for what failed [${placement.name}]`, async () => {
      const { vm } = machine();
      const stack = (await runProcess(vm, 'crashes', 'stackOfAnError', [placement.peer])) as string;
      expect(stack.split('\n').slice(-2)).toEqual([
        expect.stringMatching(/^ {4}at inner \(.*crashes\.ts:\d+:\d+\)$/),
        expect.stringMatching(
          new RegExp(`^    at async outer \\(.*crashes\\.ts:${lineOf('outer')}:3\\)$`),
        ),
      ]);
    });
  });
}
