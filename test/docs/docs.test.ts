/**
 * The documentation is true: its TypeScript compiles, examples give what they say, commands and
 * options exist, links lead somewhere, and nothing that users can call is left out.
 *
 * A block marked `ts` must compile. Its first line may name the module (`// counting.ts`), so that it can
 * import itself. One marked `ts run` also exports `example()`, and its last line says what that gives:
 * `// example() → 42`.
 */

import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { startVm, type Vm } from 'tsvm/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CodeBlock, type Page, ROOT, readPages } from './markdown.js';

interface Example extends CodeBlock {
  readonly page: string;
  /** Module name below the folder of examples: `processes/spawning`. */
  readonly module: string;
}

const PAGES = readPages();
const GUIDES = PAGES.filter(({ path }) => path.startsWith('docs/'));
const EXAMPLES = PAGES.flatMap(examplesOf);
const RUNNABLE = EXAMPLES.filter(({ info }) => info === 'ts run');
const COMMANDS = [
  'start',
  'status',
  'stop',
  'load',
  'upgrade',
  'rollback',
  'log-level',
  'trace',
  'crashes',
  'db',
  'check',
  'build',
  'bench',
] as const;

function examplesOf({ path, blocks }: Page): readonly Example[] {
  const folder = path.replace(/^docs\//, '').replace(/\.md$/, '');
  return blocks
    .filter(({ info }) => info === 'ts' || info === 'ts run')
    .map((block) => {
      const name = /^\/\/ ([\w-]+)\.ts\n/.exec(block.text)?.[1] ?? `line-${block.line}`;
      return { ...block, page: path, module: `${folder}/${name}` };
    });
}

/** Below node_modules, so that packages and their types are found from there. */
let folder = '';

beforeAll(() => {
  const cache = join(ROOT, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, 'tsvm-docs-'));
  write('package.json', JSON.stringify({ type: 'module' }));
  for (const { module, info, text } of EXAMPLES) {
    write(`all/${module}.ts`, text);
    if (info === 'ts run') write(`run/${module}.ts`, text);
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, text: string): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

describe('TypeScript', () => {
  test('names of examples are unique on their page', () => {
    const names = EXAMPLES.map(({ module }) => module);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  test('every example compiles with the built types', async () => {
    const types = (path: string): string[] => [join(ROOT, 'dist', path)];
    const config = {
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: {
        isolatedDeclarations: false,
        declaration: false,
        typeRoots: [join(ROOT, 'node_modules', '@types')],
        paths: {
          tsvm: types('bif/index.d.ts'),
          'tsvm/vm': types('runtime/vm/index.d.ts'),
          'tsvm/*': types('modules/*.d.ts'),
        },
      },
      files: EXAMPLES.map(({ module }) => join(folder, 'all', `${module}.ts`)),
      include: [],
    };
    write('tsconfig.json', JSON.stringify(config));
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
    const said = await promisify(execFile)(tsc, ['-p', join(folder, 'tsconfig.json')], {
      cwd: folder,
      timeout: 60_000,
    }).then(
      ({ stdout }) => stdout,
      (error: { stdout?: string; message: string }) => error.stdout || error.message,
    );
    expect(said.trim()).toBe('');
  });

  test('the supervised counter of the README has 25 lines at most, and no cast', () => {
    const { text = '' } = EXAMPLES.find(({ module }) => module === 'README/tally') ?? {};
    const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('//'));
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.length).toBeLessThanOrEqual(25);
    expect(
      lines.filter((line) => /\bas (?!tally|supervise)|<any>|: any\b|@ts-/.test(line)),
    ).toEqual([]);
  });

  test('the counter of the README is the one of the examples', () => {
    const shown = EXAMPLES.find(({ module }) => module === 'README/counter')?.text ?? 'nothing';
    const file = readFileSync(join(ROOT, 'examples/counter/modules/counter.ts'), 'utf8');
    expect(file).toContain(shown.replace('// counter.ts\n', ''));
  });
});

describe('examples give what they say', () => {
  let vm: Vm;
  beforeAll(async () => {
    vm = await startVm({
      modules: join(folder, 'run'),
      schedulers: 2,
      dirtyThreads: 1,
      logger: false,
    });
  });
  afterAll(() => vm?.stop());

  test.each(RUNNABLE)('$page:$line $module', async ({ module, text, page, line }) => {
    const stated = /\n\/\/ example\(\) → (.+)$/.exec(text.trimEnd())?.[1];
    if (stated === undefined) throw new Error(`${page}:${line}: says nothing of what it gives`);
    const expected: unknown = Function(`return (${stated})`)();
    expect(await vm.run(module, 'example')).toEqual(expected);
  });
});

describe('commands', () => {
  const bin = join(ROOT, 'bin', 'tsvm.mjs');
  const help = new Map<string, string>();
  beforeAll(async () => {
    const ask = promisify(execFile);
    await Promise.all(
      ['', ...COMMANDS].map(async (command) => {
        const args = command === '' ? [bin, '--help'] : [bin, command, '--help'];
        help.set(command, (await ask(process.execPath, args, { timeout: 30_000 })).stdout);
      }),
    );
  });

  const optionsOf = (command: string): string[] =>
    Array.from(help.get(command)?.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm) ?? [], ([, o]) => `${o}`);

  test('every command of the help has a section in cli.md, with all of its options', () => {
    const guide = PAGES.find(({ path }) => path === 'docs/cli.md')?.text ?? '';
    const sections = new Map(
      guide.split(/^## /m).map((section) => [section.split('\n', 1)[0] ?? '', section]),
    );
    for (const command of COMMANDS) {
      const section = sections.get(`tsvm ${command}`) ?? '';
      expect(help.get('')).toMatch(new RegExp(`^ {2}${command} `, 'm'));
      const missing = optionsOf(command).filter(
        (one) => one !== '--help' && !section.includes(`\`${one}`),
      );
      expect({ command, missing }).toEqual({ command, missing: [] });
    }
  });

  test('every command line of the pages exists, with its options and folders', () => {
    const scripts = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts as object;
    const unknown: string[] = [];
    for (const { path, blocks } of PAGES) {
      for (const { text } of blocks.filter(({ info }) => info === 'sh')) {
        for (const line of text.split('\n').map((each) => each.replace(/\s+#.*$/, '').trim())) {
          if (line !== '' && !exists(line, scripts)) unknown.push(`${path}: ${line}`);
        }
      }
    }
    expect(unknown).toEqual([]);
  });

  function exists(line: string, scripts: object): boolean {
    const [program = '', ...words] = line.split(/\s+/);
    if (program === 'npm')
      return Object.hasOwn(scripts, words.filter((word) => word !== 'run')[0] ?? '');
    const [tsvm, command = '', ...rest] = program === 'npx' ? words : [program, ...words];
    if (tsvm !== 'tsvm' || !COMMANDS.some((each) => each === command)) return false;
    const options = optionsOf(command);
    return rest.every((word) => {
      if (word.startsWith('--')) return options.includes(word);
      return !word.startsWith('examples/') || existsSync(join(ROOT, word));
    });
  }
});

describe('nothing leads nowhere or is left out', () => {
  test('links between files and to headings resolve', () => {
    const byPath = new Map(PAGES.map((page) => [page.path, page]));
    const broken: string[] = [];
    for (const { path, links } of PAGES) {
      for (const link of links.filter((target) => !/^https?:/.test(target))) {
        const [target = '', anchor] = link.split('#');
        const file = target === '' ? path : relative(ROOT, resolve(ROOT, dirname(path), target));
        const found = byPath.get(file);
        const ok =
          existsSync(join(ROOT, file)) && (anchor === undefined || found?.anchors.has(anchor));
        if (!ok) broken.push(`${path}: ${link}`);
      }
    }
    expect(broken).toEqual([]);
  });

  test('every guide is in the list of guides', () => {
    const list = GUIDES.find(({ path }) => path === 'docs/README.md');
    const missing = GUIDES.map(({ path }) => path.slice('docs/'.length)).filter(
      (name) => name !== 'README.md' && !list?.links.includes(name),
    );
    expect(missing).toEqual([]);
  });

  test('every built-in function is in a guide, and in the table for those who know Erlang', () => {
    const script = "import('tsvm').then((all) => console.log(JSON.stringify(Object.keys(all))))";
    const said = execFileSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' });
    const names = (JSON.parse(said) as string[]).filter((name) => !/Error$/.test(name));
    const table = GUIDES.find(({ path }) => path === 'docs/erlang.md')?.text ?? '';
    const guides = GUIDES.filter(({ path }) => path !== 'docs/erlang.md').map(({ text }) => text);
    const named = (text: string, name: string): boolean => new RegExp(`\\b${name}\\b`).test(text);
    expect(names.filter((name) => !named(table, name))).toEqual([]);
    expect(names.filter((name) => !guides.some((text) => named(text, name)))).toEqual([]);
  });

  test('every file that ARCHITECTURE.md names by its path exists', () => {
    const { text = '' } = PAGES.find(({ path }) => path === 'ARCHITECTURE.md') ?? {};
    const paths = Array.from(
      text.matchAll(/`((?:[\w-]+\/)+[\w-]+\.(?:ts|mjs))`/g),
      ([, p]) => `${p}`,
    );
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});
