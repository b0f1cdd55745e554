import { type Application, defineApplication } from 'tsvm/application';

export const application: Application = defineApplication({
  name: 'loop-a',
  version: '1.0.0',
  includedApplications: ['loop-b'],
});
