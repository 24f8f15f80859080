import type { ErrorCode } from '../../errors.js';
import { COMMAND_ERRORS } from './commands.js';
import type { ErrorText } from './error-text.js';
import { REQUEST_ERRORS } from './requests.js';
import { STORAGE_ERRORS } from './storage.js';

const ALL = { ...REQUEST_ERRORS, ...STORAGE_ERRORS, ...COMMAND_ERRORS };

/** When each error comes, and what to do about it. A code that is missing here does not compile, nor one that is no code. */
export const ERROR_TEXTS: Readonly<Record<ErrorCode, ErrorText>> = ALL satisfies Record<
  Exclude<keyof typeof ALL, ErrorCode>,
  never
>;
