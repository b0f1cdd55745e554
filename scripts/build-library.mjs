// The last step of the build: the modules of the library, compiled by the compiler that was just built.
import { LIBRARY } from '../dist/runtime/vm/library.js';

await LIBRARY.build();
