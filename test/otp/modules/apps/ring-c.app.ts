import { type Application, defineApplication } from 'tsvm/application';

export const application: Application = defineApplication({
  name: 'ring-c',
  version: '1.0.0',
  applications: ['ring-a'],
});
