import { type Application, defineApplication } from 'tsvm/application';

export const application: Application = defineApplication({
  name: 'hollow',
  version: '1.0.0',
  modules: ['apps/unit', 'no-such-module'],
});
