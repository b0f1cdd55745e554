import { type Application, defineApplication } from 'tsvm/application';
import * as unit from './unit.js';

export const application: Application = defineApplication({
  name: 'outer',
  version: '1.0.0',
  includedApplications: ['inner'],
  module: unit,
  argument: 'outer',
  startPhases: [['connect', 1], ['warm']],
});
