import { type Application, defineApplication } from 'tsvm/application';

export const application: Application = defineApplication({
  name: 'ring-b',
  version: '1.0.0',
  applications: ['ring-c'],
});
