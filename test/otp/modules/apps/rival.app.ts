import { type Application, defineApplication } from 'tsvm/application';

export const application: Application = defineApplication({
  name: 'rival',
  version: '1.0.0',
  includedApplications: ['inner'],
});
