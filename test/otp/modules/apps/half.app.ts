import { type Application, defineApplication } from 'tsvm/application';

export const application: Application = defineApplication({
  name: 'half',
  version: '1.0.0',
  includedApplications: ['library', 'hollow'],
});
