/**
 * Types of applications and of templates, checked by `npm run typecheck`; this file never runs.
 *
 * Each line marked as an error must be one: if the types let it through, the mark itself is the error.
 */

import type { Pid } from 'tsvm';
import {
  type Application,
  type ApplicationModule,
  type ConfigChange,
  defineApplication,
  ensureAllStarted,
  getAllEnv,
  getEnv,
  setEnv,
  start as startApplication,
} from 'tsvm/application';
import { type ChildSpec, child, type Supervisor, startLink, template } from 'tsvm/supervisor';
import * as self_ from './applications.js';

interface Tariff {
  readonly perHour: number;
}

export const application: Application<{ port: number; tariff: Tariff; note: string | null }> =
  defineApplication({
    name: 'shop',
    version: '1.0.0',
    module: self_,
    argument: 7,
    startPhases: [['connect', { tries: 3 }], ['warm']],
    env: { port: 4040, tariff: { perHour: 2 } as Tariff, note: null as string | null },
  });

export function start(tills: number): Promise<Supervisor> {
  return startLink({ children: Array.from({ length: tills }, (_, at) => till(at)) });
}

export function startPhase(_phase: 'connect' | 'warm', _argument: unknown): void {}

export function configChange({ changed, removed }: ConfigChange): void {
  void [changed['port'], removed.includes('note')];
}

/** What is configured has the types of the definition. */
export async function environment(): Promise<void> {
  const port: number = await getEnv(application, 'port');
  const { perHour }: Tariff = await getEnv(application, 'tariff');
  const { note }: { note: string | null } = await getAllEnv(application);
  const byName: unknown = await getEnv('shop', 'anything');
  const claimed: string | undefined = await getEnv<string>('shop', 'anything');
  await setEnv(application, 'note', 'open', { persistent: true });
  void [port, perHour, note, byName, claimed];
  // @ts-expect-error port is a number
  const text: string = await getEnv(application, 'port');
  // @ts-expect-error there is no such key
  await getEnv(application, 'prot');
  // @ts-expect-error port is a number
  await setEnv(application, 'port', '4040');
  void text;
}

/** A definition must fit its callback module. */
export function definitions(): unknown[] {
  const common = { name: 'shop', version: '1.0.0' } as const;
  return [
    defineApplication(common),
    // @ts-expect-error version is missing
    defineApplication({ name: 'shop' }),
    // @ts-expect-error start takes a number
    defineApplication({ ...common, module: self_, argument: 'seven' }),
    // @ts-expect-error start takes a number
    defineApplication({ ...common, module: self_ }),
    // @ts-expect-error no start
    defineApplication({ ...common, module: { stop(): void {} } }),
    // @ts-expect-error start gives no process
    defineApplication({ ...common, module: { start: () => 7 } }),
    // @ts-expect-error a module without startPhase
    defineApplication({ ...common, module: plain, startPhases: [['warm']] }),
    // @ts-expect-error a list
    defineApplication({ ...common, applications: 'store' }),
  ];
}

declare const plain: { start(): Pid };
plain satisfies ApplicationModule;

export async function starting(): Promise<void> {
  const names: readonly string[] = await ensureAllStarted(['shop', application], 'permanent');
  await startApplication(application, 'transient');
  // @ts-expect-error no such type
  await startApplication(application, 'eternal');
  void names;
}

function till(at: number): ChildSpec {
  return child(`till ${at}`, self_.open, ['till', at, true]);
}

export function open(_name: string, _at: number, _lit: boolean): Pid {
  throw new Error('never runs');
}

/** The first arguments of a template, and the right ones. */
export function templates(): unknown[] {
  return [
    template('till', open, []),
    template('till', open, ['till']),
    template('till', open, ['till', 1, true], { restart: 'temporary' }),
    // @ts-expect-error the first is a text
    template('till', open, [1]),
    // @ts-expect-error the last is not the first
    template('till', open, [true]),
    // @ts-expect-error one too many
    template('till', open, ['till', 1, true, 4]),
  ];
}
