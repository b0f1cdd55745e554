import { type Application, defineApplication } from 'tsvm/application';
import * as unit from './unit.js';

export const application: Application<{ depth: number }> = defineApplication({
  name: 'inner',
  version: '1.0.0',
  module: unit,
  argument: 'inner',
  env: { depth: 2 },
  startPhases: [['warm', 'from the inner one']],
});
