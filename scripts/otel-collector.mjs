import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OTEL_COLLECTOR } from './emulators.mjs';
import { runQuietly } from './run.mjs';
import { step } from './step.mjs';

const { module, version, folder, binary } = OTEL_COLLECTOR;
const SOURCE = fileURLToPath(new URL('./otel-collector/main.go', import.meta.url));
/** The modules of one release have two numbers. */
const STABLE = 'v1.67.0';
const REQUIRED = [
  `github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter ${version}`,
  ...['component', 'confmap', 'confmap/provider/fileprovider', 'exporter', 'receiver'].map(
    (name) => `${module}/${name} ${STABLE}`,
  ),
  ...['otelcol', 'receiver/otlpreceiver', 'service'].map((name) => `${module}/${name} ${version}`),
];

/** Builds an OpenTelemetry collector with Go, for the test of traces, which finds it automatically. */
mkdirSync(folder, { recursive: true });
copyFileSync(SOURCE, join(folder, 'main.go'));
const lines = ['module headgate/otel-collector', 'go 1.26', `require (\n${REQUIRED.join('\n')}\n)`];
writeFileSync(join(folder, 'go.mod'), `${lines.join('\n\n')}\n`);
await step(`Building ${module} ${version}, some 3 minutes on 2 cores`, () =>
  runQuietly('go', ['build', '-ldflags', '-s -w', '-o', binary, '.'], {
    cwd: folder,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' },
  }),
);
console.log('npm test -- test/e2e/traces.e2e.test.ts');
