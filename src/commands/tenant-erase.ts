import { Command } from 'commander';

const HELP = `
Deletes the keys that the tenant's batch files are encrypted with: no batch, decision file, replay or dead letter of it can
be read again, here or in a copy of the files without the keys. Batch files that are not encrypted are deleted. Running
processes stop within a minute. What still comes for the tenant is erased on arrival: its id is not to be used again.

Backups of the keys, a bucket's older versions and soft deletion keep them as long as you let them. Everything that is not
a batch file is not encrypted, and is named at the end: delete it, too.

Example:
  $ headgate tenant erase UA --yes`;

/** `headgate tenant erase`: deletes a tenant's keys. */
export function tenantEraseCommand(): Command {
  return new Command('erase')
    .argument('<tenant>', 'whose batches are to be unreadable for good; suspended, or no longer configured')
    .description("Delete the keys of a tenant's encrypted batch files, for good.")
    .option('--yes', 'do it: there is no way back', false)
    .addHelpText('after', HELP)
    .action(async (tenant: string, options: { yes: boolean }) =>
      (await import('./run-tenant-erase.js')).erase(tenant, options),
    );
}
