import { type Application, defineApplication } from 'tsvm/application';

export const application: Application = defineApplication({
  name: 'loop-b',
  version: '1.0.0',
  includedApplications: ['loop-a'],
});
