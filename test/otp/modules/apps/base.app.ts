import { type Application, defineApplication } from 'tsvm/application';
import * as unit from './unit.js';

export const application: Application<{ port: number; host: string; level: string }> =
  defineApplication({
    name: 'base',
    version: '1.0.0',
    description: 'what others need',
    module: unit,
    argument: 'base',
    modules: ['apps/unit'],
    registered: ['base.server'],
    // Far away: nothing of it may be left when the start is over.
    startMs: 600_000,
    env: { port: 1, host: 'spec', level: 'low' },
  });
