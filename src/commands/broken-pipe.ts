import { fstatSync } from 'node:fs';
import { systemCodeOf } from '../errors.js';

/** What a shell shows for a program that SIGPIPE has ended: 128 + 13. */
const EXIT_CODE = 141;

let ended = false;

/** Ends the process quietly when the reader of its output has had enough, as `| head` has. */
export function endOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error) => {
      if (systemCodeOf(error) !== 'EPIPE') throw error;
      endQuietly();
    });
}

/** The same for a log, but only at the end of a pipeline: a service whose log daemon restarts goes on. */
export function endWithLog(): void {
  if (fstatSync(2).isFIFO()) endQuietly();
}

/** A process that drains at SIGTERM does that; any other has nothing to lose. */
function endQuietly(): void {
  if (ended) return;
  ended = true;
  process.exitCode = EXIT_CODE;
  if (!process.emit('SIGTERM')) process.exit();
}
