/**
 * Process code for the death of scheduler threads: the ways to kill a thread, and an observer on another
 * scheduler that says what it saw.
 */
import {
  call,
  cancelTimer,
  type Down,
  type Exit,
  exit,
  isAlive,
  link,
  monitor,
  own,
  type Pid,
  processInfo,
  type Ref,
  readTimer,
  receive,
  register,
  registered,
  self,
  send,
  sendAfter,
  spawnOpt,
  TIMEOUT,
  thisScheduler,
  trapExit,
  unregister,
  whereis,
  yieldNow,
} from 'tsvm';

const PATIENCE_MS = 20_000;

export type Cause = 'heap' | 'native';

/** Ends the thread it runs on. */
export async function culprit(cause: Cause): Promise<void> {
  if (cause === 'native') {
    setImmediate(() => {
      throw new RangeError('thrown in a native callback');
    });
    await receive(() => false);
  }
  const hoard: unknown[] = [];
  for (;;) {
    for (let n = 0; n < 1000; n++)
      hoard.push({ n, list: [n, n, n], text: `number ${n} of the hoard` });
    await yieldNow();
  }
}

/** Waits for ever. */
export async function bystander(): Promise<void> {
  await receive(() => false);
}

/** Answers with its scheduler. */
export async function whereAmI(to: Pid): Promise<void> {
  send(to, { slot: thisScheduler(), pid: self() });
}

/** Passes on every message. */
export async function relay(to: Pid): Promise<void> {
  for (;;) send(to, await receive());
}

async function take<M>(match: (message: M) => boolean, what: string): Promise<M> {
  const message = await receive<M>(match, PATIENCE_MS);
  if (message === TIMEOUT) throw new Error(`no ${what} came`);
  return message;
}

const downOf =
  (ref: Ref) =>
  (m: Down): boolean =>
    m.type === 'DOWN' && m.ref === ref;

/** What the observer found; the times are those of `Date.now`. */
export interface Sighting {
  readonly down: unknown;
  readonly exit: unknown;
  readonly culprit: unknown;
  readonly call: unknown;
  readonly seenAt: number;
  readonly nameAfter: string | null;
  readonly aliveAfter: boolean;
  readonly infoAfter: boolean;
  readonly monitorAfter: unknown;
  readonly linkAfter: unknown;
  readonly timerAfter: unknown;
  readonly neighbour: unknown;
}

/** Watches a bystander on `slot` while a culprit there ends the thread. */
export async function observe(
  cause: Cause,
  slot: number,
  neighbourSlot: number,
): Promise<Sighting> {
  trapExit(true);
  const neighbour = spawnOpt({ scheduler: neighbourSlot }, relay, self());
  const victim = spawnOpt(
    { scheduler: slot, link: true, name: 'on the thread that dies' },
    bystander,
  );
  const ref = monitor(victim);
  const timer = sendAfter(3_600_000, victim, 'never');
  await isAlive(victim);
  const asking = askAndCatch(victim);
  const bad = spawnOpt({ scheduler: slot, monitor: true }, culprit, cause);

  const exit_ = await take<Exit>((m) => m.type === 'EXIT' && m.from === victim, 'EXIT');
  const down = await take(downOf(ref), 'DOWN');
  const seenAt = Date.now();
  const nameAfter = whereis('on the thread that dies') ?? null;
  const culpritDown = await take(downOf(bad.ref), 'DOWN of the culprit');

  send(victim, 'to nobody'); // without effect
  exit(victim, 'kill');
  const aliveAfter = await isAlive(victim);
  const infoAfter = (await processInfo(victim)) !== undefined;
  const again = await take(downOf(monitor(victim)), 'DOWN of the dead');
  await link(victim);
  const linked = await take<Exit>(
    (m) => m.type === 'EXIT' && m.from === victim,
    'EXIT of the dead',
  );
  const timerAfter = [await readTimer(timer), await cancelTimer(timer)];
  send(neighbour, 'still there?');
  const heard = await take((m) => m === 'still there?', 'answer of the neighbour');
  exit(neighbour, 'kill');
  await take(downOf(monitor(neighbour)), 'DOWN of the neighbour');
  return {
    down: down.reason,
    exit: exit_.reason,
    culprit: culpritDown.reason,
    call: await asking,
    seenAt,
    nameAfter,
    aliveAfter,
    infoAfter,
    monitorAfter: again.reason,
    linkAfter: linked.reason,
    timerAfter,
    neighbour: heard,
  };
}

/** A call that is under way when the thread dies. */
async function askAndCatch(victim: Pid): Promise<unknown> {
  try {
    return await call(victim, 'a question without an answer', PATIENCE_MS);
  } catch (error) {
    return (error as { reason?: { reason?: unknown } }).reason?.reason;
  }
}

/** New processes on a slot: what they say. Tries until the replacement is there. */
export async function spawnOn(slot: number): Promise<{ slot: number; pid: string }> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const { ref } = spawnOpt({ scheduler: slot, monitor: true }, whereAmI, self());
      const answer = await receive<{ slot?: number; type?: string; pid: string }>(
        undefined,
        PATIENCE_MS,
      );
      if (answer === TIMEOUT) throw new Error('the new process says nothing');
      if (answer.slot !== undefined) {
        await take(downOf(ref), 'DOWN');
        return { slot: answer.slot, pid: answer.pid };
      }
    } catch (error) {
      // While the slot has no thread a spawn there is refused.
      if ((error as { reason?: unknown }).reason !== 'system_limit') throw error;
    }
    if (Date.now() > deadline) throw new Error(`no scheduler came up in slot ${slot}`);
    await receive(() => false, 5);
  }
}

/** Takes a name again that a dead thread held, from a process that lives on `slot`. */
export async function reuseName(name: string): Promise<string[]> {
  await register(name, self());
  const names = registered();
  await unregister(name);
  return names;
}

/** Many processes, monitors and links over all schedulers, some of which die with their thread. */
export async function crowd(slots: number, dying: number): Promise<Record<string, number>> {
  trapExit(true);
  const watched = Array.from({ length: 300 }, (_, n) =>
    spawnOpt({ scheduler: 1 + (n % slots), link: n % 2 === 0, monitor: true }, bystander),
  );
  const bad = spawnOpt({ scheduler: dying, monitor: true }, culprit, 'native');
  await take(downOf(bad.ref), 'DOWN of the culprit');
  const counts = { scheduler_down: 0, killed: 0, exits: 0 };
  for (const { pid } of watched) exit(pid, 'kill');
  for (const { ref } of watched) {
    const { reason } = await take(downOf(ref), 'DOWN');
    if (reason === 'killed') counts.killed += 1;
    else if ((reason as { kind?: unknown }).kind === 'scheduler_down') counts.scheduler_down += 1;
  }
  for (let n = 0; n < 150; n++) {
    await take<Exit>((m) => m.type === 'EXIT', 'EXIT');
    counts.exits += 1;
  }
  return counts;
}

/** Calls process.exit in a process on `slot`; says how it ended, and whether a neighbour there lives. */
export async function callProcessExit(
  slot: number,
): Promise<{ reason: unknown; neighbour: boolean }> {
  const neighbour = spawnOpt({ scheduler: slot }, bystander);
  const { ref } = spawnOpt({ scheduler: slot, monitor: true }, exitsTheProcess);
  const { reason } = await take(downOf(ref), 'DOWN');
  const alive = await isAlive(neighbour);
  exit(neighbour, 'kill');
  return { reason, neighbour: alive };
}

export async function exitsTheProcess(): Promise<void> {
  process.exit(3);
}

/** Tells its scheduler: for a first look at a machine. */
export async function slot(): Promise<number> {
  return thisScheduler();
}

/** A promise that nobody awaits is rejected: logged, and nobody dies. */
export async function rejectsUnawaited(): Promise<string> {
  void Promise.reject(new RangeError('nobody awaits this promise'));
  await receive(() => false, 20);
  return 'lives';
}

/** An emitter's listener throws: the error belongs to no process either. */
export async function throwsInATimer(): Promise<void> {
  own(
    setTimeout(() => {
      throw new RangeError('thrown in a timer');
    }, 1),
    clearTimeout,
  );
  await receive(() => false);
}
