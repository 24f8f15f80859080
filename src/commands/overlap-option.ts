import ms, { type StringValue } from 'ms';
import { HeadgateError } from '../errors.js';

/** The seconds of `--overlap`, which is a duration. @throws HeadgateError `PARAMETER_INVALID` */
export function overlapSecondsOf({ overlap = '24h' }: { readonly overlap?: string }): number {
  const milliseconds = ms(overlap as StringValue) as number | undefined;
  if (milliseconds !== undefined && milliseconds >= 0) return Math.floor(milliseconds / 1_000);
  throw new HeadgateError('PARAMETER_INVALID', `"${overlap}" is not a duration such as 0s, 24h or 7d.`);
}
