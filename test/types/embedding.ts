/**
 * Types of the embedding API, checked by `npm run typecheck`; this file never runs.
 *
 * Each line marked as an error must be one: if the types let it through, the mark itself is the error.
 */
import { type Pid, startVm, type Vm } from 'tsvm/vm';

export async function machine(vm: Vm, pid: Pid<'ping'>): Promise<void> {
  const sum: number = await vm.run(async (a: number) => a + 1, [1]);
  await vm.send(pid, 'ping');
  const leave: () => void = vm.on('crash', ({ initialCall }) => initialCall.length);
  // @ts-expect-error a message that the process does not take
  await vm.send(pid, 'pong');
  // @ts-expect-error an argument of the wrong type
  await vm.run(async (a: number) => a + 1, ['1']);
  // @ts-expect-error the function gives a number
  const text: string = await vm.run(async (a: number) => a + 1, [1]);
  // @ts-expect-error there is no such event
  vm.on('crashed', () => {});
  // @ts-expect-error there is no such option
  await startVm({ scheduler: 2 });
  // @ts-expect-error there is no such option
  await vm.spawn('module', 'fn', [], { prio: 'low' });
  void [sum, leave, text];
}
