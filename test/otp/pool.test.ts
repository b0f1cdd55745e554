/** Worker pools: lending, overflow, queues, rates, and what becomes of workers and callers that end. */
import { section } from '../support/section.js';

section<typeof import('./modules/pools.js')>('pools', {
  s1_lend: 'pool: workers are lent to one at a time, and come back',
  s1_order: 'pool: the last that came back is lent first, or the first',
  s1_overflow: 'pool: overflow workers are started on demand and end when they come back',
  s1_with_worker: 'pool: a worker comes back when the function is done, and when it fails',
  s2_wait: 'pool: who waits is served in the order of asking',
  s2_timeout: 'pool: who waits too long gets a timeout, and no worker is lost by it',
  s2_queue_full: 'pool: no more wait than may',
  s3_caller_ends: 'pool: the end of a caller gives the worker back, and the next one gets it',
  s3_waiting_caller_ends: 'pool: a caller that ends while it waits is passed over',
  s3_worker_ends: 'pool: a worker that ends is replaced, lent or idle',
  s3_workers_end_too_often: 'pool: it ends with shutdown when its workers end too often',
  s3_pool_ends: 'pool: its end ends the workers, in order',
  s4_rate: 'pool: never more checkouts than the rate allows, and the others come later',
  s5_start_fails: 'pool: a worker that does not start: the start fails with its reason',
  s5_overflow_fails:
    'pool: an overflow worker that does not start: the caller is told, the pool goes on',
  s5_bad_arguments: 'pool: a wrong size, queue, order, rate; no such pool: what is wrong is said',
  s6_many:
    'pool: many callers on all schedulers, some ending: nobody shares a worker, none is lost',
});
