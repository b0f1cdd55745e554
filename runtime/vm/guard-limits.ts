/** The limits of `guardMs`: how long code may run that has no place to give way. */

/** Long enough for a package that parses or renders something large, short enough to be an incident. */
export const GUARD_MS = 250;
/** Below, the collections of garbage of a healthy process would count. */
export const GUARD_MS_MIN = 10;
export const GUARD_MS_MAX = 60_000;
