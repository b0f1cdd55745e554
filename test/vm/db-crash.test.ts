/**
 * Tables and kill -9: at random moments under load from all schedulers, again and again on one folder.
 *
 * `TSVM_CRASHES=200` runs more rounds than the suite does.
 */

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { MODULES } from '../support/section.js';

const ROUNDS = Number(process.env['TSVM_CRASHES'] ?? 4);
const MACHINE = fileURLToPath(new URL('../support/crash-machine.mjs', import.meta.url));

interface Checked {
  readonly ms: number;
  readonly last: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** Start a machine on the folder, and kill it after so many acknowledged writes. */
async function round(
  data: string,
  name: string,
  writes: number,
  acknowledged: Map<string, number>,
): Promise<Checked> {
  const child = spawn(process.execPath, [MACHINE, MODULES, data, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let checked: Checked | undefined;
  let left = writes;
  for await (const line of createInterface({ input: child.stdout })) {
    const [first = '', ...rest] = line.split(' ');
    if (first === 'checked') checked = JSON.parse(rest.join(' ')) as Checked;
    else {
      acknowledged.set(first, Number(rest[0]));
      left -= 1;
      if (left === 0) child.kill('SIGKILL');
    }
  }
  await ended;
  if (checked === undefined) throw new Error('the machine did not come up');
  return checked;
}

test(
  `tables: ${ROUNDS} times kill -9 under load: all that was acknowledged is there, nothing is half there`,
  async () => {
    const data = await mkdtemp(join(tmpdir(), 'tsvm-crash-'));
    const acknowledged = new Map<string, number>();
    const recoveries: number[] = [];
    let seen: Checked | undefined;
    try {
      for (let number = 1; number <= ROUNDS + 1; number++) {
        const isLast = number > ROUNDS;
        // So many rounds, so many rows: what is checked must not grow without bound.
        const writes = Math.ceil(Math.random() * 400);
        seen = await round(data, isLast ? 'check' : String(number), writes, acknowledged);
        recoveries.push(seen.ms);
        expect(seen.problems).toEqual([]);
        for (const [writer, last] of acknowledged) {
          if (writer.startsWith(`${number}.`)) continue;
          expect(seen.last[writer] ?? 0, writer).toBeGreaterThanOrEqual(last);
        }
      }
    } finally {
      await rm(data, { recursive: true, force: true });
    }
    expect(acknowledged.size).toBeGreaterThan(ROUNDS);
    recoveries.sort((a, b) => a - b);
    const total = [...acknowledged.values()].reduce((sum, last) => sum + last, 0);
    process.stdout.write(
      `${ROUNDS} rounds, ${total} acknowledged; opened and checked in ${Math.round(recoveries[recoveries.length >> 1] ?? 0)} ms (median), ${Math.round(recoveries.at(-1) ?? 0)} ms at most\n`,
    );
  },
  60_000 + ROUNDS * 20_000,
);
