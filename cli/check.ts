/**
 * `tsvm check`: types, isolation and floating tasks of all modules of a folder, without running them.
 *
 * Exit status: 0 if there is nothing to say, 1 if there is, 2 for wrong arguments.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { APPLICATION_FILE, readApplication } from './application.js';
import type { Checked } from './check-modules.js';
import type { Finding } from './finding.js';
import { hintText, paintFrame, relatedLines } from './human-text.js';
import { type Colours, coloursOf, counted, indented, shownMs, shownPath } from './terminal.js';

interface Options {
  readonly types: boolean;
  readonly json?: true;
}

export function checkCommand(): Command {
  return new Command('check')
    .description('check types, isolation and floating tasks of all modules of a folder')
    .argument('[dir]', 'the folder of an application, or of modules', '.')
    .option('--no-types', 'do not run TypeScript')
    .option('--json', 'one JSON object for each finding instead of text')
    .addHelpText('after', HELP)
    .action(check);
}

const HELP = `
Types are checked by the typescript that is installed in the project, with
its tsconfig.json. Without one the other checks are made, and a note says so.

Exit status: 0 nothing found, 1 something found, 2 wrong arguments

Examples:
  tsvm check
  tsvm check examples/chat --json | jq .message`;

async function check(dir: string, { types, json }: Options): Promise<void> {
  const folder = resolve(dir);
  const modules = isApplication(folder) ? readApplication(dir).modules : folder;
  // Loaded here: the compiler is not to delay the other commands.
  const { checkModules } = await import('./check-modules.js');
  const checked = await checkModules({ folder, modules, types });
  const text = json === true ? jsonText(checked) : humanText(checked, coloursOf(process.stdout));
  process.stdout.write(text);
  if (checked.findings.length > 0) process.exitCode = 1;
}

/** Also one whose file is wrong: then that is what there is to say. */
function isApplication(folder: string): boolean {
  if (existsSync(join(folder, APPLICATION_FILE))) return true;
  const file = join(folder, 'package.json');
  return existsSync(file) && /"tsvm"\s*:\s*\{/.test(readFileSync(file, 'utf8'));
}

/** Findings, and what was not looked at, a line each. */
function jsonText({ findings, skippedTypes }: Checked): string {
  const lines: object[] = [...findings];
  if (skippedTypes !== undefined) lines.push({ check: 'types', skipped: skippedTypes });
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function humanText({ findings, modules, skippedTypes, ms }: Checked, c: Colours): string {
  const blocks: string[] = [];
  let file: string | undefined;
  for (const finding of findings) {
    if (blocks.length === 0 || finding.file !== file) {
      file = finding.file;
      blocks.push(c.bold(file === undefined ? 'the project' : shownPath(file)));
    }
    blocks.push(`  ${indented(findingText(finding, c), 2)}\n`);
  }
  if (skippedTypes !== undefined) {
    blocks.push(`${c.yellow('note')}: types were not checked: ${skippedTypes}`);
  }
  const files = new Set(findings.map((one) => one.file)).size;
  const found =
    findings.length === 0
      ? c.green('nothing found')
      : c.red(`${counted(findings.length, 'finding')} in ${counted(files, 'file')}`);
  blocks.push(`${found}${c.dim(`; checked ${counted(modules, 'module')} in ${shownMs(ms)}`)}`);
  return `${blocks.join('\n')}\n`;
}

function findingText(finding: Finding, c: Colours): string {
  const { check, line, column, message, frame, hint } = finding;
  const place = line === undefined ? '' : `${line}:${column ?? 1}  `;
  const lines = [`${place}${c.red(check)}  ${message}`];
  if (frame) lines.push(paintFrame(frame, c));
  lines.push(...relatedLines(finding, c));
  if (hint) lines.push(hintText(hint, c));
  return lines.join('\n');
}
