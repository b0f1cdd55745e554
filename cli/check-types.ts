/**
 * Check types: run the project's own TypeScript over its modules.
 *
 * tsvm needs no TypeScript to run a module, so it brings none along: which version checks a project, and
 * how strictly, is the project's to say. Its compiler is found from the folder as Node finds packages,
 * its options in the nearest tsconfig.json. A configuration that extends it names the modules, so that they
 * are checked whatever it includes; its file is gone again after the check.
 */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { codeFrame } from '../loader/code-frame.js';
import type { Finding } from './finding.js';

export interface TypesChecked {
  readonly findings: readonly Finding[];
  /** Why they were not checked. */
  readonly skipped?: string;
}

/** `modules/room.ts(12,3): error TS2322: Type …`; what follows is indented. */
const PLACED = /^(.+)\((\d+),(\d+)\): error (TS\d+): (.*)$/;
const UNPLACED = /^error (TS\d+): (.*)$/;
const OUTPUT_MAX = 64 * 1024 * 1024;

/** Where the project has no configuration. */
const OPTIONS = {
  target: 'es2022',
  lib: ['es2023'],
  module: 'nodenext',
  moduleResolution: 'nodenext',
  strict: true,
  skipLibCheck: true,
};

/**
 * @param folder of the application
 * @param files the modules, absolute
 */
export async function checkTypes(folder: string, files: readonly string[]): Promise<TypesChecked> {
  const typed = files.filter((file) => /\.m?ts$/.test(file));
  if (typed.length === 0) return { findings: [] };
  const compiler = findCompiler(folder);
  if (compiler === undefined) {
    return {
      findings: [],
      skipped: `there is no typescript in ${folder} (npm install --save-dev typescript)`,
    };
  }
  const config = join(folder, `.tsvm-check-${process.pid}.tsconfig.json`);
  writeFileSync(config, JSON.stringify(configuration(folder, typed)));
  try {
    return { findings: findingsOf(await output(compiler, config, folder), folder) };
  } finally {
    rmSync(config, { force: true });
  }
}

function findCompiler(folder: string): string | undefined {
  try {
    const found = createRequire(join(folder, 'package.json')).resolve('typescript/package.json');
    const { bin } = JSON.parse(readFileSync(found, 'utf8')) as { bin?: Record<string, string> };
    return bin?.['tsc'] && resolve(dirname(found), bin['tsc']);
  } catch {
    // Not installed there.
    return undefined;
  }
}

function configuration(folder: string, files: readonly string[]): object {
  const own = nearest(folder);
  const compilerOptions = {
    ...(own === undefined ? OPTIONS : {}),
    noEmit: true,
    composite: false,
    incremental: false,
  };
  const inherited = own === undefined ? {} : { extends: own };
  return { ...inherited, compilerOptions, files, include: [], references: [] };
}

function nearest(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const file = join(at, 'tsconfig.json');
    if (existsSync(file)) return file;
    if (at === dirname(at)) return undefined;
  }
}

/** What the compiler says; its status only repeats it. */
function output(compiler: string, config: string, cwd: string): Promise<string> {
  const args = [compiler, '-p', config, '--pretty', 'false'];
  return new Promise((done, failed) => {
    execFile(process.execPath, args, { cwd, maxBuffer: OUTPUT_MAX }, (error, stdout, stderr) => {
      if (error !== null && stdout === '') failed(new Error(stderr || error.message));
      else done(stdout);
    });
  });
}

function findingsOf(text: string, folder: string): Finding[] {
  const found: { file?: string; line?: number; column?: number; message: string[] }[] = [];
  for (const line of text.split(/\r?\n/)) {
    const placed = PLACED.exec(line);
    const unplaced = placed === null ? UNPLACED.exec(line) : null;
    if (placed !== null) {
      const [, path = '', at = '', column = '', code = '', message = ''] = placed;
      const file = resolve(folder, path);
      found.push({ file, line: +at, column: +column, message: [`${message} (${code})`] });
    } else if (unplaced !== null) {
      found.push({ message: [`${unplaced[2]} (${unplaced[1]})`] });
    } else if (line.startsWith(' ')) found.at(-1)?.message.push(line.trimEnd());
  }
  const sources = new Map<string, string>();
  return found.map(({ file, line, column, message }) => ({
    check: 'types',
    message: message.join('\n'),
    ...(file === undefined || line === undefined || column === undefined
      ? {}
      : { file, line, column, frame: codeFrame(sourceOf(file, sources), line, column) }),
  }));
}

function sourceOf(file: string, known: Map<string, string>): string {
  let source = known.get(file);
  if (source === undefined) {
    source = existsSync(file) ? readFileSync(file, 'utf8') : '';
    known.set(file, source);
  }
  return source;
}
