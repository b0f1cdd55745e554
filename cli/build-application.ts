/**
 * Build application: the modules of an application as build files, and what it takes to start them.
 *
 * Nothing is written when a module does not compile. Beside the builds goes a `tsvm.json`, so that
 * the folder of builds is an application itself: copy it anywhere and `tsvm start` it.
 */

import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { writeWhole } from '../loader/build-file.js';
import { buildProject } from '../loader/build-project.js';
import { MANIFEST, type Manifest, readManifest } from '../loader/manifest.js';
import { scanProject } from '../loader/project.js';
import { readUpgradeFile } from '../loader/upgrade-file.js';
import { LIBRARY } from '../runtime/vm/library.js';
import {
  APPLICATION_FILE,
  type Application,
  type ApplicationText,
  compileCacheOf,
  runsText,
} from './application.js';
import { readConfigText } from './configuration.js';
import { Failure } from './failure.js';
import { shownPath } from './terminal.js';

const CONFIG_FILE = 'config.json';

/** What was written. The output of `--json`. */
export interface BuiltApplication {
  readonly out: string;
  /** File names below `out`. */
  readonly manifest: string;
  readonly application: string;
  readonly ms: number;
  readonly modules: readonly BuiltModule[];
}

export interface BuiltModule {
  readonly name: string;
  readonly version: string;
  /** Below the folder of builds. */
  readonly file: string;
  readonly bytes: number;
}

/**
 * @param out absolute
 * @param onProgress called while the modules are compiled
 * @throws Failure, LoadError
 */
export async function buildApplication(
  app: Application,
  out: string,
  onProgress?: (done: number, total: number) => void,
): Promise<BuiltApplication> {
  const begin = performance.now();
  await checkOut(app, out);
  // What is wrong with it is found before anything is written.
  const upgrade = (await readUpgradeFile(app.folder))?.text;
  // The machine's data folder is used where there is one; a build does not make it.
  const cache = existsSync(app.data) ? compileCacheOf(app.data) : undefined;
  const { errors } = await buildProject({
    modules: app.modules,
    out,
    cache,
    onProgress,
    library: LIBRARY,
    upgrade,
  });
  if (errors.length > 0) throw Failure.ofLoading(errors);
  const application = await writeApplication(app, out);
  const modules = await builtModules(out, (await readManifest(out)) as Manifest);
  return { out, manifest: MANIFEST, application, ms: performance.now() - begin, modules };
}

/**
 * Builds beside their sources would be two files for one module, and the watcher would see both; the
 * `tsvm.json` of somebody else is not to be written over.
 */
async function checkOut({ modules, folder }: Application, out: string): Promise<void> {
  const below = relative(modules, out);
  const inside = !isAbsolute(below) && below !== '..' && !below.startsWith(`..${sep}`);
  if (inside || out === folder) {
    const what = inside
      ? `in the modules folder ${shownPath(modules)}`
      : 'the folder of the application itself';
    throw new Failure(`--out ${shownPath(out)} is ${what}`, {
      hint: 'choose a folder of its own for the builds',
    });
  }
  const file = join(out, APPLICATION_FILE);
  if (existsSync(file) && (await readManifest(out)) === undefined) {
    throw new Failure(
      `--out ${shownPath(out)} is the folder of another application: it has a ${APPLICATION_FILE}`,
      {
        hint: 'choose a folder of its own for the builds',
      },
    );
  }
  if ((await scanProject(modules)).files.length === 0)
    throw new Failure(`there is no module in ${modules}`);
}

async function writeApplication(app: Application, out: string): Promise<string> {
  const { runs, env, redact, config, shutdownMs } = app;
  const text: ApplicationText = {
    modules: '.',
    ...(runs.kind === 'entry' ? { entry: runsText(runs) } : { application: runs.name }),
    ...(config === undefined ? {} : { config: CONFIG_FILE }),
    ...(shutdownMs === undefined ? {} : { shutdownMs }),
    ...(Object.keys(env).length === 0 ? {} : { env }),
    ...(redact !== false && redact.length === 0 ? {} : { redact }),
  };
  if (config !== undefined) await writeWhole(join(out, CONFIG_FILE), readConfigText(config));
  await writeWhole(join(out, APPLICATION_FILE), `${JSON.stringify(text, null, 2)}\n`);
  return APPLICATION_FILE;
}

function builtModules(out: string, manifest: Manifest): Promise<readonly BuiltModule[]> {
  const entries = Object.entries(manifest.modules).sort(([a], [b]) => (a < b ? -1 : 1));
  return Promise.all(
    entries.map(async ([name, { version, file }]) => {
      const { size } = await stat(join(out, file));
      return { name, version, file, bytes: size };
    }),
  );
}
