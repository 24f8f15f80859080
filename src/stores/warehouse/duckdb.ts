import { createRequire } from 'node:module';
import type * as Duckdb from '@duckdb/node-api';

/**
 * What Headgate uses of DuckDB's client as values; types come from the package. An `import` of the package would have Node
 * read its 180 CommonJS files twice, to learn the names they export: a tenth of a second of CPU at each start.
 */
export const {
  DuckDBInstance,
  DuckDBTimestampTZValue,
  DuckDBTypeId,
  JsonDuckDBValueConverter,
  StatementType,
} = createRequire(import.meta.url)('@duckdb/node-api') as typeof Duckdb;
