/**
 * Configuration: what applications are configured with, from a file and from the command line.
 *
 * The file is JSON, by application and key: `{ "shop": { "open": true } }`. On the command line it is
 * `--set shop.open=true`: the value is JSON where it reads as that, else the text itself.
 */

import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import type { Config } from '../modules/application.js';
import { closest } from './closest.js';
import { Failure } from './failure.js';
import { shownPath } from './terminal.js';

/** One `--set`. */
export interface Setting {
  readonly application: string;
  readonly key: string;
  readonly value: unknown;
}

const SETTING = /^([A-Za-z][\w/-]*)\.([^=]+)=(.*)$/s;

/** For commander: one more `--set`. */
export function addSetting(text: string, before: readonly Setting[] = []): readonly Setting[] {
  const [, application, key, value] = SETTING.exec(text) ?? [];
  if (application === undefined || key === undefined || value === undefined) {
    throw new InvalidArgumentError('Expected APPLICATION.KEY=VALUE, such as shop.open=true.');
  }
  return [...before, { application, key, value: readValue(value) }];
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON: a text, as people write it.
    return text;
  }
}

export function configOf(settings: readonly Setting[]): Config {
  const config: Record<string, Record<string, unknown>> = {};
  for (const { application, key, value } of settings) {
    config[application] = { ...config[application], [key]: value };
  }
  return config;
}

/** What a configuration file says. */
export interface ReadConfig {
  /** Undefined where there is none. */
  readonly file: string | undefined;
  readonly values: Config;
}

/** @throws Failure */
export function readConfig(file: string): Config {
  const text = readConfigText(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Failure(`${shownPath(file)} is not valid JSON: ${(error as Error).message}`);
  }
  if (!isObject(value)) throw misshapen(file, 'an object', value);
  for (const [application, env] of Object.entries(value)) {
    if (!isObject(env)) throw misshapen(file, `an object for "${application}"`, env);
  }
  return value as Config;
}

/** @throws Failure when it cannot be read */
export function readConfigText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Failure(
      `cannot read the configuration ${shownPath(file)}: ${(error as Error).message}`,
    );
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function misshapen(file: string, expected: string, came: unknown): Failure {
  return new Failure(`${shownPath(file)}: expected ${expected}, got ${JSON.stringify(came)}`, {
    hint: 'a configuration is by application and key, such as { "shop": { "open": true } }',
  });
}

/** Nobody would ever read these. @throws Failure that says which is meant */
export function checkSettings(settings: readonly Setting[], known: readonly string[]): void {
  for (const { application, key } of settings) {
    if (known.includes(application)) continue;
    throw unknownApplication(`--set ${application}.${key}`, application, known);
  }
}

/** What of a configuration file nobody will read: there may be other machines that it is for. */
export function strangersIn(config: Config, known: readonly string[]): readonly string[] {
  return Object.keys(config).filter((name) => !known.includes(name));
}

export function unknownApplication(where: string, name: string, known: readonly string[]): Failure {
  const meant = closest(name, known);
  const listed = [...known].sort().join(', ');
  const hint =
    known.length === 0
      ? 'a module makes one: export const application = defineApplication({ … }) of tsvm/application'
      : meant === undefined
        ? `there ${known.length === 1 ? 'is' : 'are'} ${listed}`
        : `did you mean ${meant}?`;
  return new Failure(`${where}: there is no application ${name}`, { hint });
}
