import { type Application, defineApplication } from 'tsvm/application';

export const application: Application = defineApplication({
  name: 'needs-absent',
  version: '1.0.0',
  applications: ['library', 'absent'],
});
