/**
 * Application env: what applications are configured with, and from where.
 *
 * Weakest first: what the application says itself, the configuration file, the command line, and what
 * `setEnv` was told to keep (`persistent`). A key is taken whole: objects are not merged.
 *
 * Invariant: what is here is by name, whether the application is loaded or not; loading it sets the
 * keys of all four layers and leaves the others.
 *
 * Source: OTP, "config"; `application:set_env/4`; SEMANTICS 15.
 */

import type { ConfigChange, Env } from './application-types.js';
import { same } from './reasons.js';

/** What a machine is configured with: by application, by key. */
export type Config = Readonly<Record<string, Env>>;

export interface Layers {
  /** The configuration file. */
  readonly file: Config;
  /** The command line. */
  readonly arguments: Config;
}

export interface Environment {
  layers: Layers;
  readonly persistent: Map<string, Map<string, unknown>>;
  /** What counts. */
  readonly values: Map<string, Map<string, unknown>>;
}

export function newEnvironment(layers: Layers): Environment {
  return { layers, persistent: new Map(), values: new Map() };
}

/** The layers of one application, put together. */
function merged({ layers, persistent }: Environment, name: string, own: Env): Map<string, unknown> {
  return new Map([
    ...Object.entries(own),
    ...entriesOf(layers.file, name),
    ...entriesOf(layers.arguments, name),
    ...(persistent.get(name) ?? []),
  ]);
}

function entriesOf(config: Config, name: string): [string, unknown][] {
  return Object.hasOwn(config, name) ? Object.entries(config[name] as Env) : [];
}

/** An application is loaded: what was set before and is not to stay gives way. */
export function loadEnv(environment: Environment, name: string, own: Env): void {
  const values = valuesOf(environment.values, name);
  for (const [key, value] of merged(environment, name, own)) values.set(key, value);
}

/** It is not loaded any more. */
export function unloadEnv({ values }: Environment, name: string): void {
  values.delete(name);
}

export function setValue(
  { values, persistent }: Environment,
  name: string,
  key: string,
  value: unknown,
  stays: boolean,
): void {
  valuesOf(values, name).set(key, value);
  if (stays) valuesOf(persistent, name).set(key, value);
}

export function unsetValue(
  { values, persistent }: Environment,
  name: string,
  key: string,
  stays: boolean,
): void {
  values.get(name)?.delete(key);
  if (stays) persistent.get(name)?.delete(key);
}

/** Put the layers together again, after one of them has changed. @returns the difference, or null */
export function renewEnv(environment: Environment, name: string, own: Env): ConfigChange | null {
  const before = environment.values.get(name) ?? new Map<string, unknown>();
  const after = merged(environment, name, own);
  environment.values.set(name, after);
  const changed: Record<string, unknown> = {};
  const added: Record<string, unknown> = {};
  for (const [key, value] of after) {
    if (!before.has(key)) added[key] = value;
    else if (!same(before.get(key), value)) changed[key] = value;
  }
  const removed = [...before.keys()].filter((key) => !after.has(key));
  const isSame = removed.length + Object.keys(changed).length + Object.keys(added).length === 0;
  return isSame ? null : { changed, added, removed };
}

function valuesOf<V>(map: Map<string, Map<string, V>>, name: string): Map<string, V> {
  const found = map.get(name) ?? new Map<string, V>();
  map.set(name, found);
  return found;
}
