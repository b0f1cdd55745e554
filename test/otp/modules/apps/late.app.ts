import { type Application, defineApplication } from 'tsvm/application';
import * as unit from './unit.js';

/** Its start may take so long. */
export const application: Application = defineApplication({
  name: 'late',
  version: '1.0.0',
  module: unit,
  argument: 'late',
  startMs: 400,
});
