// A machine that does what it is asked: `node asked-machine.mjs MODULES DATA`. A line of standard input is
// [module, function, arguments] as JSON, and has one line of answer: {value} or {error}.
import { createInterface } from 'node:readline';
import { startVm } from 'tsvm/vm';

const [modules, data] = process.argv.slice(2);
const vm = await startVm({ modules, data, schedulers: 1, dirtyThreads: 1, logger: false });
for await (const line of createInterface({ input: process.stdin })) {
  const [module, fn, args] = JSON.parse(line);
  const answer = await vm.run(module, fn, args).then(
    (value) => ({ value }),
    (error) => ({ error: error.message }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await vm.stop();
