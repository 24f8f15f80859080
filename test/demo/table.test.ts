import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const PRINTED = `import { outcomeTable } from './src/demo/table.ts'; process.stdout.write(outcomeTable([]));`;

describe("the demo's table", () => {
  it('has no colours, which would be printed as text: not at a terminal that has them either', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import=tsx', '--input-type=module', '--eval', PRINTED],
      { env: { ...process.env, FORCE_COLOR: '1' } },
    );
    assert.match(stdout, /^tenant +aircraft +events/);
    assert.doesNotMatch(stdout, /\u001b/);
  });
});
