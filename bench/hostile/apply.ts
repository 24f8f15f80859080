import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { System } from '../system/system.js';
import { runCommand } from '../warehouse/command.js';
import { hostileFile, hostileTenant, type HostileKind } from './kinds.js';

/**
 * Applies the file of a kind's tenant with the CLI, as an operator would.
 * @returns why it was refused, if it was
 */
export async function applyHostile(kind: HostileKind, { dataDir }: System): Promise<string | undefined> {
  const directory = join(dataDir, 'hostile-tenants');
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${hostileTenant(kind)}.yaml`);
  writeFileSync(file, hostileFile(kind));
  try {
    await runCommand(['tenant', 'apply', file], dataDir);
    return undefined;
  } catch (error) {
    return (error as Error).message.slice(0, 300);
  }
}
