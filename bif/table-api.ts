/** `tables`: what `import { tables } from 'tsvm'` gives. */

export {
  all,
  create,
  drop,
  fromFile,
  giveAway,
  info,
  named,
  rename,
  setHeir,
  type TableTransfer,
  toFile,
  whereis,
} from './table-life.js';
export {
  first,
  fold,
  last,
  next,
  nextPage,
  prev,
  rows,
  safeFixTable,
  select,
  selectCount,
  selectDelete,
  selectPage,
  selectReplace,
  toArray,
} from './table-scans.js';
export type * from './table-types.js';
export {
  delete,
  deleteAllObjects,
  deleteObject,
  insert,
  insertNew,
  lookup,
  lookupElement,
  member,
  take,
  updateCounter,
  updateElement,
} from './tables.js';
