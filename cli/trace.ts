/**
 * `tsvm trace`: what chosen processes of a running machine do, as it happens.
 *
 * It ends after a number of events, after some time, with Ctrl+C, and when nobody reads its output any more;
 * the machine forgets it with the connection.
 */

import { Command, InvalidArgumentError } from 'commander';
import { TRACE_KINDS, type TraceBatch, type TraceKind } from '../runtime/trace-event.js';
import type { ControlClient } from '../runtime/vm/control-socket.js';
import type { TraceOptions } from '../runtime/vm/trace-control.js';
import { connectTo } from './connect.js';
import { coloursOf, counted } from './terminal.js';
import { traceText } from './trace-text.js';

/** Longer than a machine lets the question for more wait. */
const ANSWER_MS = 30_000;

interface Options {
  readonly calls?: readonly string[];
  readonly kinds?: readonly TraceKind[];
  readonly count: number;
  readonly seconds: number;
  readonly rate: number;
  readonly dir: string;
  readonly data?: string;
  readonly json?: true;
}

export function traceCommand(): Command {
  return new Command('trace')
    .description(
      'show what processes of a running machine do: messages, calls, spawns, exits, links',
    )
    .argument('[who...]', 'pids, names, modules, module:function; new or all')
    .option(
      '--calls <module:function>',
      'calls of an exported function, or of all of a module; may be repeated',
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option('--kinds <list>', `of ${TRACE_KINDS.join(', ')}; all but call by default`, kindList)
    .option('--count <n>', 'end after so many events', whole, 1000)
    .option('--seconds <n>', 'end after so many seconds', whole, 60)
    .option('--rate <n>', 'events a second that each scheduler shows at most', whole, 500)
    .option('--dir <dir>', 'the folder of the application', '.')
    .option('--data <dir>', 'the data folder of the machine, if it was started with one')
    .option('--json', 'one JSON object a line instead of text')
    .addHelpText('after', HELP)
    .action(trace);
}

const HELP = `
Whom: processes by pid, registered name, module or initial call; "new" are those
that are spawned from now on. With --calls alone, the calls of all processes.

Calls are seen where they go through the module's exports: from other modules and
from behaviours (tsvm trace --calls till:handleCall), not within the module.

What comes faster than --rate is counted, not shown: a machine under load goes on.

Examples:
  tsvm trace till --count 20
  tsvm trace chat/room --kinds receive,exit --seconds 10
  tsvm trace --calls chat/room:join
  tsvm trace new --kinds spawn,exit --json | jq .reason`;

async function trace(who: readonly string[], options: Options): Promise<void> {
  const { calls, kinds, count, seconds, rate, dir, data, json = false } = options;
  const asked: TraceOptions = {
    ...(who.length === 0 ? {} : { who }),
    ...(calls === undefined ? {} : { calls }),
    ...(kinds === undefined ? {} : { kinds }),
    count,
    seconds,
    rate,
  };
  const { client } = await connectTo(dir, data);
  try {
    const begun = await client.ask('trace', { options: asked }, ANSWER_MS);
    await follow(client, (begun as { readonly trace: number }).trace, json);
  } finally {
    client.close();
  }
}

async function follow(client: ControlClient, id: number, json: boolean): Promise<void> {
  const c = coloursOf(process.stdout);
  let stops = 0;
  const stop = (): void => {
    stops += 1;
    // The second time nobody wants to wait for what is left.
    if (stops > 1) client.close();
    else client.ask('trace_stop', { trace: id }, ANSWER_MS).catch(() => {});
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  let shown = 0;
  try {
    for (;;) {
      const { events, dropped, over } = (await client.ask(
        'trace_next',
        { trace: id },
        ANSWER_MS,
      )) as TraceBatch;
      shown += events.length;
      const lines = events.map((event) => (json ? JSON.stringify(event) : traceText(event, c)));
      if (lines.length > 0) await written(`${lines.join('\n')}\n`);
      if (over === null) continue;
      const summary = { why: over, events: shown, dropped };
      if (json) await written(`${JSON.stringify({ type: 'end', ...summary })}\n`);
      else process.stderr.write(`${c.dim(endText(summary))}\n`);
      return;
    }
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** Who reads slowly gets no more than it takes: the machine counts the rest. */
function written(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

const WHY = {
  count: 'that many were asked for',
  time: 'the time is up',
  stopped: 'stopped',
} as const;

function endText({
  why,
  events,
  dropped,
}: {
  why: keyof typeof WHY;
  events: number;
  dropped: number;
}): string {
  const lost = dropped === 0 ? '' : `, ${dropped} not shown as they came too fast`;
  return `${counted(events, 'event')}${lost}: ${WHY[why]}`;
}

function kindList(text: string): readonly TraceKind[] {
  const kinds = text.split(',').map((kind) => kind.trim());
  for (const kind of kinds) {
    if (!TRACE_KINDS.includes(kind as TraceKind))
      throw new InvalidArgumentError(`Expected a list of ${TRACE_KINDS.join(', ')}.`);
  }
  return kinds as TraceKind[];
}

function whole(text: string): number {
  const number = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= 1_000_000) return number;
  throw new InvalidArgumentError('Expected a whole number from 1 to 1000000.');
}
