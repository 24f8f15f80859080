import { readFile, stat } from 'node:fs/promises';
import { HeadgateError, messageOf, systemCodeOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { Changes, type Changing } from './changes.js';

/** A file that is read again when it changes. */
export interface FollowedFile<T> {
  /** What it said when it was last right. */
  current(): T;
  /** Of what {@link current} gives. */
  readonly changed: Changing;
  /** Follows it no more. */
  close(): void;
}

/** What {@link followFile} follows. */
export interface FollowFileOptions<T> {
  readonly path: string;
  /** Reads the file's text; what it throws says what is wrong with it. */
  readonly parse: (text: string) => T;
  /** What the file is to be, for messages: `a JSON Web Key Set`. */
  readonly what: string;
  readonly log?: Pick<Logger, 'info' | 'error'>;
  /** Default 2 s. */
  readonly everyMs?: number;
}

const EVERY_MS = 2_000;
const MAX_BYTES = 10 * 1024 * 1024;

/**
 * Reads a file, and again whenever it changes. It is looked at by its path every two seconds, which notices renames, links that
 * are set anew (as Kubernetes does), and changes over a network as well. One that becomes wrong, or is gone, counts as it
 * was, and that is logged: nothing is to be withdrawn by a mistake.
 * @throws HeadgateError `CONFIG_INVALID`: it is not there, or wrong, at first
 */
export async function followFile<T>(options: FollowFileOptions<T>): Promise<FollowedFile<T>> {
  const { path, what, parse, log, everyMs = EVERY_MS } = options;
  let [signature, text] = await read(options);
  let current = parsed(options, text);
  const changes = new Changes();
  let problem: string | undefined;
  const look = async (): Promise<void> => {
    try {
      const [nowSignature, nowText] = await read(options, signature);
      signature = nowSignature;
      if (nowText !== undefined && nowText !== text) {
        text = nowText;
        current = parse(nowText);
        log?.info('FOLLOWED_FILE_CHANGED', { file: path, what });
        changes.happened();
      }
      problem = undefined;
    } catch (error) {
      // Once for each problem, not at every look.
      if (messageOf(error) !== problem)
        log?.error('FOLLOWED_FILE_INVALID', { file: path, what, reason: messageOf(error) });
      problem = messageOf(error);
    }
  };
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, everyMs).unref();
  return { current: () => current, changed: changes, close: () => clearInterval(timer) };
}

/** The file's signature, and its text where the signature is another than `known`. */
async function read<T>(
  options: FollowFileOptions<T>,
  known?: string,
): Promise<[signature: string, text: string | undefined]> {
  const { path } = options;
  try {
    const { mtimeNs, size, ino } = await stat(path, { bigint: true });
    const signature = `${mtimeNs}/${size}/${ino}`;
    if (signature === known) return [signature, undefined];
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes, more than ${MAX_BYTES}`);
    return [signature, await readFile(path, 'utf8')];
  } catch (error) {
    throw invalid(
      options,
      systemCodeOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error),
      error,
    );
  }
}

function parsed<T>(options: FollowFileOptions<T>, text: string | undefined): T {
  try {
    return options.parse(text ?? '');
  } catch (error) {
    throw invalid(options, messageOf(error), error);
  }
}

function invalid<T>({ path, what }: FollowFileOptions<T>, reason: string, cause: unknown): HeadgateError {
  return new HeadgateError('CONFIG_INVALID', `${path} is not ${what}: ${reason}`, { cause });
}
