import { type Application, defineApplication } from 'tsvm/application';
import * as unit from './unit.js';

export const application: Application = defineApplication({
  name: 'top',
  version: '1.0.0',
  applications: ['base', 'library'],
  optionalApplications: ['extra', 'absent'],
  module: unit,
  argument: 'top',
});
