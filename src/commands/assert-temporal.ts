import type { Config } from '../config.js';
import { HeadgateError } from '../errors.js';

/**
 * Checks that there is a Temporal to use, or that Headgate may run one.
 * @throws HeadgateError `CONFIG_INVALID`
 */
export function assertTemporal({ temporalAddress, embeddedTemporal }: Config, command: string): void {
  if (temporalAddress !== undefined || embeddedTemporal === 'on') return;
  throw new HeadgateError(
    'CONFIG_INVALID',
    `headgate ${command} needs TEMPORAL_ADDRESS here, such as TEMPORAL_ADDRESS=temporal:7233: HEADGATE_EMBEDDED_TEMPORAL is off. With on it runs a server of its own, which it downloads or builds where there is none.`,
  );
}
