/** Hints: what to do about the errors of the operating system that people meet most. */

export interface SystemError {
  readonly code?: string | undefined;
  readonly message: string;
}

/** @returns `undefined` where the message says it all */
export function hintFor({ code, message }: SystemError): string | undefined {
  // Node writes `listen EADDRINUSE: address already in use 127.0.0.1:4040`.
  const port = /:(\d+)$/.exec(message)?.[1];
  switch (code) {
    case 'EADDRINUSE':
      return port === undefined
        ? 'what it listens on is taken: another program, or another start of this one, has it'
        : `port ${port} is in use: stop the program that has it, or choose another port (many applications read it from the environment: PORT=${Number(port) + 1} tsvm start)`;
    case 'EACCES':
      return port === undefined
        ? undefined
        : `this user may not listen on port ${port}: choose one above 1023`;
    case 'ERR_MODULE_NOT_FOUND':
    case 'MODULE_NOT_FOUND':
      return 'an npm package is missing: run npm install';
    case 'EMFILE':
      return 'the limit of open files is reached: raise it with ulimit -n';
    default:
      return undefined;
  }
}
