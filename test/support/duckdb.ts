import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';

let opened: Promise<DuckDBConnection> | undefined;

/**
 * A DuckDB for what tests write and look at themselves, with everything that Headgate's are not allowed: one for a whole
 * process, since to open one takes longer than most of their statements. Keep nothing in it.
 */
export function testDuckDB(): Promise<DuckDBConnection> {
  // Files are written anew under the same names: none is to be remembered.
  opened ??= DuckDBInstance.create(':memory:', { threads: '1', enable_external_file_cache: 'false' }).then(
    (instance) => instance.connect(),
  );
  return opened;
}
