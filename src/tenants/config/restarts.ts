import type { CompiledRules } from '../../rules/compiled.js';
import type { LoadedTenant } from './tenant-file.js';
import { listVersions, readVersion } from './versions.js';

/** An aggregate that does not simply go on when a configuration comes into force. */
export interface Restart {
  readonly aggregate: string;
  /** Its rules, and aggregates of another definition: `begins` anew; of one that it has had before: see {@link restartsOf}. */
  readonly how: 'begins' | 'returns' | 'resumes';
  /** The last version that had this definition; where it `returns` or `resumes`. */
  readonly version?: string;
  /** Rules that use it. */
  readonly rules: readonly string[];
}

/**
 * The aggregates that a change of configuration does not let go on as they are. One whose definition is another `begins` at 0
 * for every subject. One that gets back a definition it has had `returns`: subjects that had events meanwhile begin at 0, the
 * others go on, and its rules have the version they had then. One that was left out and is there again `resumes`
 * with what it had, without the events of the time between.
 */
export async function restartsOf(
  before: LoadedTenant | undefined,
  { config: { tenant }, rules }: LoadedTenant,
  versions: string,
): Promise<Restart[]> {
  if (before === undefined) return [];
  const changed = [...rules.aggregates.values()].filter(
    ({ name, definition }) => before.rules.aggregates.get(name)?.definition !== definition,
  );
  if (changed.length === 0) return [];
  const earlier = await earlierDefinitions(versions, tenant);
  return changed.flatMap(({ name, definition }): Restart[] => {
    const version = earlier.get(keyOf(name, definition));
    const wasThere = before.rules.aggregates.has(name);
    // A new one has nothing to go on with.
    if (version === undefined && !wasThere) return [];
    const how = version === undefined ? 'begins' : wasThere ? 'returns' : 'resumes';
    return [{ aggregate: name, how, rules: usersOf(name, rules), ...(version !== undefined && { version }) }];
  });
}

/** By aggregate and definition, the version applied last that had it. */
async function earlierDefinitions(versions: string, tenant: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const { version } of await listVersions(versions, tenant)) {
    const kept = await readVersion(versions, tenant, version).catch(() => undefined);
    for (const { name, definition } of kept?.rules.aggregates.values() ?? [])
      if (!found.has(keyOf(name, definition))) found.set(keyOf(name, definition), version);
  }
  return found;
}

const keyOf = (name: string, definition: string): string => `${name}/${definition}`;

function usersOf(aggregate: string, { rules }: CompiledRules): string[] {
  return rules.filter(({ aggregates }) => aggregates.includes(aggregate)).map(({ name }) => name);
}
