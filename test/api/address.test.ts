import assert from 'node:assert/strict';
import { addressOf } from '../../src/api/address.js';

describe('the address that bounds go by', () => {
  const addresses: [remote: string | undefined, address: string][] = [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    [undefined, 'unknown'],
  ];
  for (const [remoteAddress, address] of addresses)
    it(`of ${remoteAddress} is ${address}`, () => assert.equal(addressOf({ remoteAddress }), address));
});
