import { assertTenantId } from '../../tenants/ids.js';
import { keptName } from './postgres-names.js';
import type { Checkpoint } from './state-store.js';

/** JSON in one statement, in characters; a checkpoint with more is several, in one transaction. */
const STATEMENT_CHARS = 16 * 1024 ** 2;

/** A statement has its time. */
const FORGOTTEN_AT_ONCE = 5_000;

/** A statement that is prepared once on each connection. */
interface Statement {
  readonly name: string;
  readonly text: string;
}

/** The statements that the state needs while it is in use. */
export interface StateSql {
  /** Epoch, then tenants and subjects, a line each. Gives `n` (counted from 1) and `record` for every line; nothing in another epoch. */
  readonly read: Statement;
  /** Epoch, then tenants, subjects and records, then tenants and watermarks, a line each. Gives `owned`: 1, or in another epoch 0. */
  readonly write: Statement;
  /**
   * Epoch, then a tenant. Gives `owned`, as above, and `forgotten`: how many subjects of it, the first ones, are gone. When
   * there are none left, its watermark goes.
   */
  readonly forget: Statement;
}

/**
 * Writes the statements for a schema, whose name must need no escape. Lists come as text with a line for each item, not
 * as arrays: escaping arrays, and undoing it, costs half as much again as all the rest.
 */
export function stateSql(schema: string): StateSql {
  const lines = (parameter: number): string => `string_to_array($${parameter}::text, E'\\n')`;
  return {
    read: {
      name: 'headgate-state-read',
      text: `
        SELECT wanted.n::int AS n, kept.record
        FROM "${schema}".owner
        CROSS JOIN unnest(${lines(2)}, ${lines(3)}) WITH ORDINALITY AS wanted(tenant, subject, n)
        LEFT JOIN "${schema}".subjects AS kept USING (tenant, subject)
        WHERE owner.epoch = $1`,
    },
    write: {
      name: 'headgate-state-write',
      // The lock on the owner's row keeps a new epoch waiting until this is over, however it ends.
      text: `
        WITH owning AS MATERIALIZED (SELECT FROM "${schema}".owner WHERE epoch = $1 FOR SHARE),
        subjects AS (
          INSERT INTO "${schema}".subjects (tenant, subject, record)
          SELECT changed.* FROM owning, unnest(${lines(2)}, ${lines(3)}, ${lines(4)}) AS changed
          ON CONFLICT (tenant, subject) DO UPDATE SET record = excluded.record
        ),
        watermarks AS (
          INSERT INTO "${schema}".watermarks (tenant, seq)
          SELECT reached.tenant, reached.seq::bigint
          FROM owning, unnest(${lines(5)}, ${lines(6)}) AS reached(tenant, seq)
          ON CONFLICT (tenant) DO UPDATE SET seq = excluded.seq
        )
        SELECT count(*)::int AS owned FROM owning`,
    },
    forget: {
      name: 'headgate-state-forget',
      text: `
        WITH owning AS MATERIALIZED (SELECT FROM "${schema}".owner WHERE epoch = $1 FOR SHARE),
        next AS MATERIALIZED (
          SELECT subject FROM "${schema}".subjects WHERE tenant = $2 LIMIT ${FORGOTTEN_AT_ONCE}
        ),
        gone AS (
          DELETE FROM "${schema}".subjects AS kept USING owning, next
          WHERE kept.tenant = $2 AND kept.subject = next.subject RETURNING kept.subject
        ),
        last AS (
          DELETE FROM "${schema}".watermarks AS kept USING owning
          WHERE kept.tenant = $2 AND NOT EXISTS (SELECT FROM next)
        )
        SELECT (SELECT count(*)::int FROM owning) AS owned, (SELECT count(*)::int FROM gone) AS forgotten`,
    },
  };
}

/**
 * The values of the statements that write a checkpoint, after the epoch; watermarks are in the last. Nearly always one.
 * @throws HeadgateError `TENANT_ID_INVALID`
 */
export function checkpointValues({ subjects, watermarks }: Checkpoint): readonly (readonly string[])[] {
  const rows = subjects.map(({ tenant, subject, json }) => ({
    tenant: assertTenantId(tenant),
    name: keptName(subject),
    json,
  }));
  // In the order of the index neighbours share a page.
  rows.sort((left, right) => compare(left.tenant, right.tenant) || compare(left.name, right.name));
  const slices: (typeof rows)[] = [[]];
  let chars = 0;
  for (const row of rows) {
    if (chars > 0 && chars + row.json.length > STATEMENT_CHARS) {
      slices.push([]);
      chars = 0;
    }
    chars += row.json.length;
    slices.at(-1)?.push(row);
  }
  const marks = [...watermarks].map(([tenant, seq]) => ({ tenant: assertTenantId(tenant), seq }));
  return slices.map((slice, index) => {
    const reached = index === slices.length - 1 ? marks : [];
    return [
      slice.map(({ tenant }) => tenant),
      slice.map(({ name }) => name),
      // JSON has no line breaks of its own.
      slice.map(({ json }) => json),
      reached.map(({ tenant }) => tenant),
      reached.map(({ seq }) => String(seq)),
    ].map((lines) => lines.join('\n'));
  });
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
