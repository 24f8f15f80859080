/**
 * The child process of a download: fetches Temporal's CLI into the folder given as first argument, starts it once to
 * see that it runs, and tells the parent how it went. See download-server.ts.
 */
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { messageOf } from '../../errors.js';

/** What the child tells its parent. */
export type DownloadOutcome = { readonly ok: true } | { readonly ok: false; readonly message: string };

async function download(downloadDir: string, version: string): Promise<DownloadOutcome> {
  try {
    const executable = { type: 'cached-download', version, downloadDir } as const;
    const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } });
    await environment.teardown();
    return { ok: true };
  } catch (error) {
    return { ok: false, message: messageOf(error) };
  }
}

const [folder, version] = process.argv.slice(2);
if (folder !== undefined && version !== undefined) {
  process.send?.(await download(folder, version), () => process.exit());
}
