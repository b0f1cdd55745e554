/**
 * Signals: everything that one process does to another, as it travels between schedulers.
 *
 * A signal is an operation, the address it is for, and up to three more terms. Within a scheduler
 * the same operations are plain function calls; between schedulers they are frames of a ring, one
 * ring per pair and direction, so signals from one process to another arrive in the order sent.
 *
 * | operation     | to                | a                  | b              | payload               |
 * | ------------- | ----------------- | ------------------ | -------------- | --------------------- |
 * | MESSAGE       | pid               | –                  | –              | the message           |
 * | ALIAS_MESSAGE | alias             | –                  | –              | the message           |
 * | LINK          | pid               | sender             | –              | –                     |
 * | UNLINK        | pid               | sender             | id             | –                     |
 * | UNLINK_ACK    | pid               | sender             | id             | –                     |
 * | EXIT          | pid               | sender             | 1 if by a link | the reason            |
 * | MONITOR       | pid               | ref                | origin         | –                     |
 * | DEMONITOR     | pid               | ref                | –              | –                     |
 * | DOWN          | origin            | ref                | –              | the reason            |
 * | SPAWN         | the new pid       | parent             | flags          | [module, name, args, group, options] |
 * | REQUEST       | pid or ''         | id                 | kind           | arguments             |
 * | REPLY         | ''                | id                 | 1 if it failed | the answer            |
 * | START_TIMER   | pid               | ref                | due            | [wrapped, message]    |
 * | CALL          | pid               | serial of the ref  | caller         | the request           |
 * | ANSWER        | serial of the ref | –                  | –              | the answer            |
 *
 * CALL is MONITOR and MESSAGE in one, and ANSWER also ends that monitor: a call and its answer are two
 * frames instead of four, without a text that is new each time.
 *
 * Source: OTP, ERTS User's Guide, "Communication in Erlang" and "Distribution Protocol"; the set
 * maps one to one to the control messages there.
 */

export const MESSAGE = 1;
export const ALIAS_MESSAGE = 2;
export const LINK = 3;
export const UNLINK = 4;
export const UNLINK_ACK = 5;
export const EXIT = 6;
export const MONITOR = 7;
export const DEMONITOR = 8;
export const DOWN = 9;
export const SPAWN = 10;
export const REQUEST = 11;
export const REPLY = 12;
export const START_TIMER = 13;
export const CALL = 14;
export const ANSWER = 15;

/** Flags of SPAWN. */
export const SPAWN_LINK = 1;

/** What can be asked of another scheduler. Answers come in the order of the questions. */
export type RequestKind =
  | 'alive'
  | 'info'
  | 'link'
  | 'register'
  | 'unregister'
  | 'cancel_timer'
  | 'read_timer'
  | 'processes'
  /** End all processes of a group. */
  | 'kill_group'
  /** Does the process run old code of a module? */
  | 'runs_old';

/** A signal kept for a process that is not there yet. */
export interface HeldSignal {
  readonly op: number;
  readonly a: unknown;
  readonly b: unknown;
  readonly payload: unknown;
  /** Life of the scheduler it came from; 0 for this one. */
  readonly from: number;
}
