import { type Application, defineApplication } from 'tsvm/application';

export const application: Application = defineApplication({
  name: 'clash',
  version: '1.0.0',
  registered: ['base.server'],
});
