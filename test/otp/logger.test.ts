/** SEMANTICS §14: the log. Where its lines are written is tested in test/vm/logging.test.ts. */
import { section } from '../support/section.js';

section<typeof import('./modules/logger.js')>('logger', {
  s14_default_level: '14 levels: notice is the primary one at first',
  s14_eight_levels: '14 levels: each lets itself and the more severe ones through; all and none',
  s14_module_level: '14 module levels: count in place of the primary one, in both directions',
  s14_order:
    '14 order: primary level, primary filters, level of the handler, its filters; stop ends it',
  s14_filter_default: '14 filters: what all of them ignore is decided by the default',
  s14_events:
    '14 events: text, format, report and function; metadata of event, process, all; place and time',
  s14_runs_in_the_caller: '14 filters and handlers run in the process that logs',
  s14_failing_filter: '14 a filter that fails is removed; caller and other handlers go on',
  s14_failing_handler: '14 a handler that fails is removed; caller and other handlers go on',
  s14_handlers: '14 handlers: added, changed and removed, asked before; what is wrong is said',
  s14_changes_at_once: '14 changes made at once by several processes are all made',
  s14_formatter: '14 formatter: template, single line, limit of length',
  s13_10_reports:
    '13.10 reports: progress at info; child_terminated, start_error, shutdown, shutdown_error at error',
  s13_10_no_progress_of_simple: '13.10 progress: none for children of simple_one_for_one',
  s14_domain_of_the_library: '14 domains: what groups and pools say has the domain otp',
  s14_crash_reports: '14 crash reports pass levels and handlers, with the domain otp, sasl',
});
