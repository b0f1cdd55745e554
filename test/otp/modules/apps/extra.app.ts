import { type Application, defineApplication } from 'tsvm/application';
import * as unit from './unit.js';

export const application: Application = defineApplication({
  name: 'extra',
  version: '1.0.0',
  module: unit,
  argument: 'extra',
});
