import { existsSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { Chain } from '../audit-log/chain.js';
import type { Act } from '../audit-log/entry.js';
import { auditLogPlaces } from '../audit-log/files.js';
import type { Config } from '../config.js';
import { codeOf, messageOf } from '../errors.js';
import type { Author } from '../tenants/config/change-history.js';
import { printError } from './terminal-text.js';

/** What a command says of what it does. */
export type CommandAct = Pick<Act, 'act' | 'kind' | 'tenant' | 'params' | 'reason'>;

/**
 * Brings what a command has done into the audit log, durably and signed. One that cannot be written is said, and no more: the
 * person at the node could do the same without a command.
 */
export async function noteActs(
  { dataDir }: Pick<Config, 'dataDir'>,
  acts: readonly (CommandAct & Pick<Act, 'outcome' | 'code'>)[],
): Promise<void> {
  // Nothing was there to do something with; a path that was mistyped is not made.
  if (acts.length === 0 || !existsSync(dataDir)) return;
  try {
    const who = { role: 'command', subject: currentUser(), address: hostname() } as const;
    const chain = new Chain(auditLogPlaces(dataDir));
    await chain.append(acts.map((act) => ({ ...who, ...act })));
    await chain.sign();
  } catch (error) {
    printError(`This is not in the audit log: ${messageOf(error)}`);
  }
}

/** Runs what a command does, and brings it and what came of it into the audit log. */
export async function noted<T>(
  config: Pick<Config, 'dataDir'>,
  act: CommandAct,
  run: () => Promise<T>,
): Promise<T> {
  try {
    const result = await run();
    await noteActs(config, [{ ...act, outcome: 'ok' }]);
    return result;
  } catch (error) {
    await noteActs(config, [{ ...act, outcome: 'failed', code: codeOf(error) ?? 'INTERNAL' }]);
    throw error;
  }
}

/** Who runs the command, for the history of a tenant. */
export function commandAuthor(reason?: string): Author {
  return { by: currentUser(), role: 'command', ...(reason !== undefined && { reason }) };
}

/** By name; a user without one, as in many containers, by number. */
function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
