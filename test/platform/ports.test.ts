import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import type { HeadgateError } from '../../src/errors.js';
import { assertPortFree, isPortFree } from '../../src/platform/ports.js';

describe('ports', () => {
  it('tells a port that is listened on from one that is not, and names the variable to set', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      assert.equal(await isPortFree('127.0.0.1', port), false);
      await assert.rejects(
        assertPortFree('127.0.0.1', port, 'the API', 'HEADGATE_PORT'),
        (error: HeadgateError) =>
          error.code === 'PORT_IN_USE' &&
          error.message.includes(String(port)) &&
          error.message.includes('HEADGATE_PORT'),
      );
    } finally {
      server.close();
      await once(server, 'close');
    }
    assert.equal(await isPortFree('127.0.0.1', port), true);
  });
});
