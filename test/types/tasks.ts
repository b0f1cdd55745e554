/**
 * Types of tasks, checked by `npm run typecheck`; this file never runs.
 *
 * Each line marked as an error must be one: if the types let it through, the mark itself is the error.
 */

import * as task from 'tsvm/task';

declare function measure(text: string, times?: number): Promise<number>;

export async function tasks(): Promise<void> {
  const one: task.Task<number> = task.start(measure, 'x', 2);
  const n: number = await task.result(one);
  const many: number[] = await task.results([one, task.start(measure, 'y')]);
  void [n, many];
  // @ts-expect-error the result is a number
  const text: string = await task.result(one);
  void text;
  // @ts-expect-error measure takes a string
  task.start(measure, 5);
  // @ts-expect-error measure takes an argument
  task.start(measure);
  const outcome = await task.wait(one);
  // @ts-expect-error it may still run, or have failed
  void outcome.value;
  for await (const each of task.stream(['a'], measure)) {
    if (each.ok) void (each.value satisfies number);
  }
  // @ts-expect-error measure takes strings
  task.stream([1], measure);
  // @ts-expect-error no such option
  task.stream(['a'], measure, { concurrency: 2 });
}
