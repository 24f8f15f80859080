import { homedir } from 'node:os';
import { join } from 'node:path';

/** What scripts build once, for all checkouts. */
export const CACHE = join(homedir(), '.cache', 'headgate');
const EXE = process.platform === 'win32' ? '.exe' : '';

/** goccy's emulator of BigQuery, see scripts/bigquery-emulator.mjs. */
export const BIGQUERY_EMULATOR = {
  name: "goccy's BigQuery emulator",
  module: 'github.com/goccy/bigquery-emulator',
  version: 'v0.8.1',
  folder: join(CACHE, 'bigquery-emulator', 'v0.8.1'),
  binary: join(CACHE, 'bigquery-emulator', 'v0.8.1', `bigquery-emulator${EXE}`),
  variable: 'HEADGATE_TEST_BIGQUERY',
  script: 'scripts/bigquery-emulator.mjs',
};

/** fake-gcs-server, see scripts/fake-gcs.mjs. */
export const FAKE_GCS = {
  name: 'fake-gcs-server',
  module: 'github.com/fsouza/fake-gcs-server',
  version: 'v1.54.0',
  folder: join(CACHE, 'fake-gcs-server', 'v1.54.0'),
  binary: join(CACHE, 'fake-gcs-server', 'v1.54.0', `fake-gcs-server${EXE}`),
  variable: 'HEADGATE_TEST_GCS',
  script: 'scripts/fake-gcs.mjs',
};

/** An OpenTelemetry collector, see scripts/otel-collector.mjs. */
export const OTEL_COLLECTOR = {
  name: 'the OpenTelemetry collector',
  module: 'go.opentelemetry.io/collector',
  version: 'v0.161.0',
  folder: join(CACHE, 'otel-collector', 'v0.161.0'),
  binary: join(CACHE, 'otel-collector', 'v0.161.0', `otel-collector${EXE}`),
  variable: 'HEADGATE_TEST_OTEL_COLLECTOR',
  script: 'scripts/otel-collector.mjs',
};

/** Servers that tests use where they have been built. */
export const EMULATORS = [BIGQUERY_EMULATOR, FAKE_GCS, OTEL_COLLECTOR];
