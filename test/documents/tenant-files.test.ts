import assert from 'node:assert/strict';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';
import { codeBlocks, documents } from '../support/documents.js';

describe('the tenant files in the documents', () => {
  const blocks = documents().flatMap((document) => codeBlocks(document));
  // A block of another file begins with its name.
  const files = blocks.filter(({ language, text }) => language === 'yaml' && !/^# \w+\.yaml\n/.test(text));

  it('are found', () => assert.ok(files.length >= 5, `${files.length} blocks`));

  for (const { place, text } of files)
    it(`are valid: ${place}`, () => {
      const [, id] = /HEADGATE_SECRET_([A-Z0-9]+)__/.exec(text) ?? [];
      const whole = /^tenant:/m.test(text) ? text : `tenant: ${id ?? 'acme'}\n${text}`;
      const [, tenant = ''] = /^tenant: (\S+)/m.exec(whole) ?? [];
      parseTenantConfig(whole, `${tenant}.yaml`);
    });
});
