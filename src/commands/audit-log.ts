import { Command, InvalidArgumentError } from 'commander';
import type { ShowOptions, VerifyLogOptions } from './run-audit-log.js';

const HELP = `
The audit log has who did what: every change and every read through the API and by these commands, and what was sent and
consumed by the minute. Another command, \`headgate audit\`, compares events with the warehouse.

Examples:
  $ headgate audit-log show --tenant UA --from 2026-03-01
  $ headgate audit-log verify`;

const SHOW_EXAMPLES = `
Examples:
  $ headgate audit-log show --tenant UA --from 2026-03-01 --to 2026-03-02T12:00:00Z
  $ headgate audit-log show --act pauseSubscription --subject ops@example.com --json`;

const VERIFY_EXAMPLES = `
Finds lines that were altered, removed or put elsewhere, and an end that was cut before what was signed last, which is a
minute back at most. Who can read the key can write another log and sign it: keep heads elsewhere, from the lines
AUDIT_LOG_SIGNED of a node's log, and name one by --head.

Exit code 0: the log is as it was written. 1: it is not.

Examples:
  $ headgate audit-log verify
  $ headgate audit-log verify --key audit-log.jwks.json
  $ headgate audit-log verify --head 1204:5f1d7a84db00d2fce00b31a7fc73224d9a7b0d8b8b0b9d1c0f4a8d4b3a1c2e6f`;

/** `headgate audit-log`: shows who did what, and verifies that nothing of it was changed. */
export function auditLogCommand(): Command {
  const command = new Command('audit-log')
    .description('Show who did what, and verify that nothing of that was changed.')
    .addHelpText('after', HELP);
  command
    .command('show')
    .description('Show what was done, the oldest first.')
    .option('--tenant <tenant>', 'only what was about this tenant')
    .option('--from <time>', 'only what was done then (YYYY-MM-DD, or RFC 3339) or later', momentOption)
    .option('--to <time>', 'only what was done before', momentOption)
    .option('--subject <subject>', 'only what this subject has done')
    .option('--act <act>', 'only this act, such as pauseSubscription or "tenant apply"')
    .option('--json', 'print the lines as they are in the log', false)
    .addHelpText('after', SHOW_EXAMPLES)
    .action(async (options: ShowOptions) => (await import('./run-audit-log.js')).showAuditLog(options));
  command
    .command('verify')
    .description('Verify that no line was altered, removed or put elsewhere.')
    .option('--key <file>', 'a copy of the public key (default: the one in the data directory)')
    .option(
      '--head <number:hash>',
      'a head that is known from elsewhere; may be given several times',
      headOption,
      [],
    )
    .option('--json', 'print the findings as JSON', false)
    .addHelpText('after', VERIFY_EXAMPLES)
    .action(async (options: VerifyLogOptions) => (await import('./run-audit-log.js')).verifyLog(options));
  return command;
}

function momentOption(text: string): number {
  const time = /^\d{4}-\d{2}-\d{2}(T.+)?$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw new InvalidArgumentError('A time is YYYY-MM-DD, or RFC 3339.');
  return time;
}

function headOption(
  text: string,
  before: VerifyLogOptions['head'],
): { readonly seq: number; readonly hash: string }[] {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined)
    throw new InvalidArgumentError('A head is the number of a line, a colon, and its hash.');
  return [...before, { seq: Number(seq), hash }];
}
