import { type Application, defineApplication } from 'tsvm/application';

export const application: Application = defineApplication({
  name: 'library',
  version: '1.0.0',
});
