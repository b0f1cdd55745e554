/**
 * `tsvm crashes`: why processes of a folder's machine failed, now or before.
 *
 * Reads the crash store in the data folder, so that it makes no difference whether the machine runs.
 * With `--json`, one object a line: a group for each of `list`, a report for each of `grep` and `show`.
 */

import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { type CrashGroup, CrashHistory, type StoredCrash } from '../runtime/vm/crash-history.js';
import { dataFolderOf } from './application.js';
import { closest } from './closest.js';
import { grepText, groupLines, moreText } from './crash-list.js';
import { crashPage } from './crash-page.js';
import { crashStats, statsText } from './crash-stats.js';
import { Failure } from './failure.js';
import { sinceTime } from './since.js';
import { coloursOf, counted, shownPath, widthOf } from './terminal.js';

interface Options {
  readonly since?: number;
  readonly dir: string;
  readonly data?: string;
  readonly limit: number;
  readonly json?: true;
}

const ACTIONS = ['list', 'show', 'grep', 'stats'] as const;
type Action = (typeof ACTIONS)[number];

const SHOWN = 50;
/** Shorter ones say too little to be meant as the beginning of a group's name. */
const PREFIX = 3;

export function crashesCommand(): Command {
  return new Command('crashes')
    .description('show why processes failed: crash reports of the machine of a folder')
    .argument('[action]', `what to do: ${ACTIONS.join(', ')}`, actionOf, 'list')
    .argument('[what]', 'the crash or group to show, the text to look for')
    .option('--since <time>', 'only crashes since then: 90s, 30m, 2h, 3d, 1w, or a date', (text) =>
      sinceTime(text),
    )
    .option('--limit <n>', 'how many of list and grep are shown, newest first', limitOf, SHOWN)
    .option('--dir <dir>', 'the folder of the application', '.')
    .option('--data <dir>', 'the data folder of the machine, if it was started with one')
    .option('--json', 'one JSON object a line instead of text')
    .addHelpText('after', HELP)
    .action(crashes);
}

const HELP = `
Actions:
  list        equal crashes together (reason and place), newest first
  show [ID]   one report: of a crash (3-1) or the last one of a group (5f1c09aa);
              the newest of all without an ID
  grep TEXT   reports in which a text occurs, in any case
  stats       how many, when, of what kind

Examples:
  tsvm crashes
  tsvm crashes show 3-1
  tsvm crashes grep ECONNREFUSED --since 2h --json | jq .report.pid`;

async function crashes(
  action: Action,
  what: string | undefined,
  options: Options,
  command: Command,
): Promise<void> {
  if (action === 'grep' && what === undefined) {
    command.error("error: missing the text to look for: tsvm crashes grep 'TEXT'");
  }
  if ((action === 'list' || action === 'stats') && what !== undefined) {
    command.error(
      `error: ${action} takes no '${what}'; a folder is said with --dir, a text with grep`,
    );
  }
  const data = options.data === undefined ? dataFolderOf(options.dir) : resolve(options.data);
  const history = new CrashHistory(data);
  const since = options.since ?? 0;
  switch (action) {
    case 'list':
      await list(history, since, options);
      break;
    case 'show':
      await show(history, what, since, options);
      break;
    case 'grep':
      await grep(history, what ?? '', since, options);
      break;
    case 'stats':
      await stats(history, since, options);
      break;
  }
  for (const { file, from, bytes } of history.damages) {
    process.stderr.write(
      `warning: ${shownPath(file)}: ${counted(bytes, 'byte')} at ${from} are damaged; the reports they held are not shown\n`,
    );
  }
}

async function list(history: CrashHistory, since: number, options: Options): Promise<void> {
  const groups = await history.groups(since);
  if (options.json) {
    for (const group of groups.slice(0, options.limit)) printJson(group);
    return;
  }
  if (groups.length === 0) return print(nothing(history, since));
  const colours = coloursOf(process.stdout);
  const shown = groups.slice(0, options.limit);
  print(groupLines(shown, colours, widthOf(process.stdout)).join('\n'));
  print(`\n${totalText(groups)}${moreText(groups.length - shown.length, 'group')}`);
}

function totalText(groups: readonly CrashGroup[]): string {
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const crashed = count === 1 ? '1 crash' : `${count} crashes`;
  return `${crashed} in ${counted(groups.length, 'group')}; tsvm crashes show ID shows one`;
}

async function show(
  history: CrashHistory,
  what: string | undefined,
  since: number,
  { json }: Options,
): Promise<void> {
  const groups = await history.groups();
  const found = await findCrash(history, groups, what, since);
  if (json) return printJson(found);
  const group = groups.find((one) => one.group === found.group);
  print(crashPage(found, group, coloursOf(process.stdout), widthOf(process.stdout)));
}

async function findCrash(
  history: CrashHistory,
  groups: readonly CrashGroup[],
  what: string | undefined,
  since: number,
): Promise<StoredCrash> {
  if (what === undefined) {
    const [newest] = groups
      .flatMap(({ latest }) => latest ?? [])
      .sort((a, b) => b.report.time - a.report.time);
    if (newest !== undefined && newest.report.time >= since) return newest;
    throw new Failure(nothing(history, since));
  }
  const report = await history.find(what);
  if (report !== undefined) return report;
  const meant = what.length < PREFIX ? [] : groups.filter(({ group }) => group.startsWith(what));
  if (meant.length > 1) {
    throw new Failure(`${counted(meant.length, 'group')} begin with ${what}`, {
      hint: `there are ${meant.map(({ group }) => group).join(', ')}`,
    });
  }
  const [group] = meant;
  if (group?.latest != null) return group.latest;
  if (group !== undefined) {
    throw new Failure(`no report of group ${group.group} was kept, only its count`, {
      hint: 'tsvm crashes list shows what is known of it',
    });
  }
  const names = groups.flatMap(({ group: name, latest }) => [name, ...(latest ? [latest.id] : [])]);
  const near = closest(what, names);
  throw new Failure(`there is no crash ${what} in ${shownPath(history.folder)}`, {
    hint: near === undefined ? 'tsvm crashes list shows which there are' : `did you mean ${near}?`,
  });
}

async function grep(
  history: CrashHistory,
  text: string,
  since: number,
  options: Options,
): Promise<void> {
  // As it stands in JSON, which is what is looked through.
  const wanted = JSON.stringify(text).slice(1, -1).toLowerCase();
  const found: StoredCrash[] = [];
  let count = 0;
  for await (const crash of history.reports(since)) {
    if (!JSON.stringify(crash.report).toLowerCase().includes(wanted)) continue;
    count += 1;
    found.push(crash);
    if (found.length > options.limit) found.shift();
  }
  found.reverse();
  if (options.json) {
    for (const crash of found) printJson(crash);
    return;
  }
  if (count === 0) return print(`no report holds ${JSON.stringify(text)}`);
  print(grepText(found, text, coloursOf(process.stdout), widthOf(process.stdout)));
  if (count > found.length)
    print(`\n${counted(count, 'report')}${moreText(count - found.length, 'report')}`);
}

async function stats(history: CrashHistory, since: number, { json }: Options): Promise<void> {
  const found = await crashStats(history, since);
  if (json) return printJson(found);
  print(
    found.crashes === 0 ? nothing(history, since) : statsText(found, coloursOf(process.stdout)),
  );
}

function nothing({ folder }: CrashHistory, since: number): string {
  const when = since === 0 ? '' : ` since ${new Date(since).toLocaleString('sv')}`;
  return `no crash${when} is kept in ${shownPath(folder)}`;
}

function actionOf(word: string): Action {
  const action = ACTIONS.find((one) => one === word);
  if (action !== undefined) return action;
  const near = closest(word, ACTIONS);
  throw new InvalidArgumentError(
    near === undefined ? `Expected ${ACTIONS.join(', ')}.` : `Did you mean ${near}?`,
  );
}

function limitOf(text: string): number {
  const limit = /^\d+$/.test(text) ? Number(text) : 0;
  if (limit >= 1) return limit;
  throw new InvalidArgumentError('Expected a whole number from 1.');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printJson(value: unknown): void {
  print(JSON.stringify(value));
}
