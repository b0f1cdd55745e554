/** Comlink ships the types of its Node adapter under another name than the module. */
declare module 'comlink/dist/esm/node-adapter.mjs' {
  import type { MessagePort } from 'node:worker_threads';
  import type { Endpoint } from 'comlink';
  // biome-ignore lint/style/noDefaultExport: it describes what Comlink exports
  export default function nodeEndpoint(port: MessagePort): Endpoint;
}
