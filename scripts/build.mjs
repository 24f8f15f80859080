/** Compiles the client and src/ to their dist/, bundles the console and the workflow code, so that no start has to: bundling takes seconds. */
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleConsole } from './bundle-console.mjs';
import { runQuietly } from './run.mjs';
import { main, ROOT, TSC } from './setup.mjs';

const DIST = join(ROOT, 'dist');

async function compile(directory) {
  // What has been deleted from src must not live on in dist.
  await rm(join(directory, 'dist'), { recursive: true, force: true });
  await runQuietly(process.execPath, [TSC, '-p', 'tsconfig.json'], { cwd: directory });
}

async function bundleWorkflows() {
  const workflowsPath = join(DIST, 'workflows', 'index.js');
  if (!existsSync(workflowsPath)) {
    throw new Error('There are no workflows to bundle: src/workflows/index.ts is missing.');
  }
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const workflowInterceptorModules = ['pass-trace.js', 'notice-touched.js'].map((file) =>
    join(DIST, 'workflows', file),
  );
  const logger = new DefaultLogger('WARN');
  const { code } = await bundleWorkflowCode({ workflowsPath, workflowInterceptorModules, logger });
  await writeFile(join(DIST, 'workflow-bundle.js'), code);
}

await main(async () => {
  // Headgate is compiled against the client's types: it comes second.
  await compile(join(ROOT, 'packages', 'client'));
  await compile(ROOT);
  await bundleConsole(join(DIST, 'console'));
  await bundleWorkflows();
});
