import assert from 'node:assert/strict';
import { batchWorkflowId, loadWorkflowId } from '../../src/tenants/workflow-ids.js';
import { poolQueue, tenantQueue, workflowQueue } from '../../src/tenants/queues.js';
import { assertBatchId, assertTenantId, dayOfBatch, isBatchId, isTenantId } from '../../src/tenants/ids.js';

const BATCH = '20240310-0123abcd-00000000z';

describe('names that contain a tenant', () => {
  for (const id of ['U', 'UA', '9', 'a-b_C', '__'.replace('_', 'a'), 'constructor', 'a'.repeat(63)]) {
    it(`may be made of ${id.slice(0, 20)}`, () => assert.equal(assertTenantId(id), id));
  }

  const bad: unknown[] = [
    '',
    ' ',
    '.',
    '..',
    '../UA',
    'UA/',
    'U A',
    'UA\n',
    '\nUA',
    'UA\0',
    '-UA',
    '_UA',
    'ÜA',
    'UA.x',
    'UA%2f',
    '__proto__',
    'a'.repeat(64),
    '\u212A',
    undefined,
    null,
    7,
    true,
    ['UA'],
    { toString: () => 'UA' },
  ];
  for (const id of bad) {
    it(`are not made of ${JSON.stringify(id)?.slice(0, 20)}`, () => {
      assert.equal(isTenantId(id), false);
      const refused = { code: 'TENANT_ID_INVALID' };
      assert.throws(() => assertTenantId(id), refused);
      assert.throws(() => tenantQueue(id as string), refused);
      assert.throws(() => workflowQueue(id as string, 'dedicated'), refused);
      assert.throws(() => batchWorkflowId(id as string, 'events', BATCH), refused);
      assert.throws(() => loadWorkflowId(id as string, '20240310T000000.000Z'), refused);
    });
  }

  const badBatches: unknown[] = [
    '',
    '..',
    `../${BATCH}`,
    `${BATCH}\n`,
    `${BATCH}/`,
    ` ${BATCH}`,
    BATCH.toUpperCase(),
    BATCH.slice(1),
    `${BATCH}0`,
    '20240310-0123abcg-000000001',
    '2024031x-0123abcd-000000001',
    undefined,
    null,
    7,
    [BATCH],
  ];
  for (const id of badBatches) {
    it(`have no batch ${JSON.stringify(id)}`, () => {
      assert.equal(isBatchId(id), false);
      assert.throws(() => assertBatchId(id), { code: 'NOT_FOUND' });
      assert.throws(() => batchWorkflowId('UA', 'events', id as string), { code: 'NOT_FOUND' });
    });
  }

  it('are what operators look for', () => {
    assert.equal(batchWorkflowId('UA', 'user-properties', BATCH), `batch/UA/user-properties/${BATCH}`);
    assert.equal(loadWorkflowId('UA', '20240310T120000.000Z'), 'load/UA/20240310T120000.000Z');
    assert.deepEqual([tenantQueue('UA'), poolQueue()], ['tenant.UA', 'pool.0']);
    assert.deepEqual(
      [workflowQueue('UA', 'dedicated'), workflowQueue('UA', 'pooled')],
      ['tenant.UA', 'pool.0'],
    );
    assert.equal(dayOfBatch(BATCH), '2024-03-10');
  });
});
