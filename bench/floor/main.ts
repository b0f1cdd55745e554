/** The process of a floor: samples one of the modules beside it, without any VM. */
import { type PassRunner, printLine, requestFromArgv, runSamples } from '../sampling.js';

const request = requestFromArgv();
const floor = (await import(`./${request.module}.js`)) as PassRunner; // the passes that the catalog names
await runSamples(request, floor, printLine);
