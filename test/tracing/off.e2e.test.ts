import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

/** The packages of OpenTelemetry's SDK that a process has loaded once it has opened tracing. */
function loaded(settings: object | undefined): string[] {
  const program = `
    import { createRequire } from 'node:module';
    await import('${DIST}roles/node.js');
    const { openTracing } = await import('${DIST}tracing/open-tracing.js');
    const tracing = await openTracing(${JSON.stringify(settings)}, { warn() {}, info() {} });
    await tracing?.close();
    const files = Object.keys(createRequire('${DIST}').cache);
    const names = files.map((file) => /@opentelemetry\\/(?:sdk|exporter|context)[a-z-]*/.exec(file)?.[0]);
    console.log(JSON.stringify([...new Set(names)].filter(Boolean).sort()));
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  return JSON.parse(output) as string[];
}

describe("OpenTelemetry's SDK", function () {
  this.timeout(60_000);

  it('is not loaded by a node that traces nothing', () => {
    assert.deepEqual(loaded(undefined), []);
  });

  it('is loaded by one that does', () => {
    const settings = { url: 'http://127.0.0.1:1', serviceName: 'test', sampler: 'always_on', ratio: 1 };
    const names = loaded(settings);
    assert.ok(names.includes('@opentelemetry/sdk-trace-base'), names.join());
  });
});
