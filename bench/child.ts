/**
 * One benchmark in a process of its own, whichever VM it is: reads the JSON lines that the process
 * prints, and ends it when it takes too long or the run is aborted.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ChildCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly limitMs: number;
}

/** The end of what a failed process said, for the report. */
const STDERR_KEPT = 4_000;

/** A benchmark's process that did not end well: one line, and all it said on standard error. */
export class ChildError extends Error {
  override readonly name = 'ChildError';
  readonly detail: string;

  constructor(end: string, stderr: string) {
    const lines = stderr.split('\n').map((line) => line.trim());
    const said =
      lines.find((line) => /^\w*error\b/i.test(line)) ?? lines.findLast((line) => line !== '');
    super(said === undefined ? end : `${end}: ${said}`);
    this.detail = stderr.trim();
  }
}

/**
 * Run the command to its end.
 *
 * @param onLine every line of its standard output that is JSON
 * @throws ChildError when it takes too long or does not end with status 0
 */
export async function runChild(
  command: ChildCommand,
  onLine: (line: unknown) => void,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const child = spawn(command.file, command.args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let timedOut = false;
  const limit = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, command.limitMs);
  const abort = (): void => {
    child.kill('SIGKILL');
  };
  signal?.addEventListener('abort', abort);
  let stderr = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_KEPT);
  });
  try {
    const ended = endOf(child);
    for await (const text of createInterface({ input: child.stdout })) {
      if (text.startsWith('{')) onLine(JSON.parse(text));
    }
    const status = await ended;
    signal?.throwIfAborted();
    if (timedOut) throw new ChildError(`took longer than ${command.limitMs / 1000} s`, stderr);
    if (status !== 0) throw new ChildError(`ended with ${status}`, stderr);
  } finally {
    clearTimeout(limit);
    signal?.removeEventListener('abort', abort);
  }
}

/** The exit status, or the signal that ended it. */
function endOf(child: ChildProcess): Promise<number | string> {
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(status ?? signal ?? 'no status'));
  });
  ended.catch(() => {}); // observed by the caller once the output is read
  return ended;
}
