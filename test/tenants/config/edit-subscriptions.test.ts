import assert from 'node:assert/strict';
import { editSubscription } from '../../../src/tenants/config/edit-subscriptions.js';
import { parseTenantConfig } from '../../../src/tenants/config/parse.js';

const FILE = `# ours
tenant: acme # the one
subscriptions:
  - { name: a, kind: pull }

  # the crm
  - name: crm
    kind: push
    url: https://x.example/a
routes:
  # all of it
  - match: {}
    to: [a, crm]
  - match: { type: x }
    to: [crm]
`;
const PULL = { kind: 'pull' };

const edited = (text: string, ...[edit]: [Parameters<typeof editSubscription>[1]]): string => {
  const after = editSubscription(text, edit).text;
  parseTenantConfig(after, 'acme.yaml');
  return after;
};

describe('an edit of one subscription', () => {
  it('puts it in the place of the one before, with what was said of it, and leaves the rest', () => {
    const { text, wasThere } = editSubscription(FILE, { name: 'crm', subscription: PULL });
    assert.ok(wasThere);
    assert.match(text, /^# ours\ntenant: acme # the one\n/);
    assert.match(text, /\n\n {2}# the crm\n {2}- name: crm\n {4}kind: pull\nroutes:\n {2}# all of it\n/);
    assert.deepEqual(parseTenantConfig(text, 'acme.yaml').routes.length, 2);
  });

  it('adds one, with what it gets, also where there were none', () => {
    for (const before of [
      'tenant: acme\n',
      '{"tenant":"acme","subscriptions":[],"routes":[]}',
      'tenant: acme\nsubscriptions:\n',
    ]) {
      const routes = [{ match: { type: 'order.*' } }];
      const text = edited(before, { name: 'crm', subscription: PULL, routes });
      const config = parseTenantConfig(text, 'acme.yaml');
      assert.deepEqual(
        config.subscriptions.map(({ name }) => name),
        ['crm'],
      );
      assert.deepEqual(config.routes, [{ match: { type: 'order.*' }, to: ['crm'] }]);
    }
  });

  it('replaces routes that lead to it alone, and no others', () => {
    const routes = [{ match: { type: 'y' } }, { match: { type: 'z' } }];
    const text = edited(FILE, { name: 'crm', subscription: PULL, routes });
    assert.deepEqual(
      parseTenantConfig(text, 'acme.yaml').routes.map(({ match, to }) => [match.type, to]),
      [
        [undefined, ['a', 'crm']],
        ['y', ['crm']],
        ['z', ['crm']],
      ],
    );
  });

  it('takes one out, and what led to it alone', () => {
    const text = edited(FILE, { name: 'crm' });
    const config = parseTenantConfig(text, 'acme.yaml');
    assert.deepEqual(
      config.routes.map(({ to }) => to),
      [['a']],
    );
    assert.ok(!text.includes('crm'), text);
    assert.equal(edited(text, { name: 'a' }), '# ours\ntenant: acme # the one\n');
    assert.equal(editSubscription(FILE, { name: 'b' }).wasThere, false);
  });

  it('follows anchors, and says when one that is taken out was needed elsewhere', () => {
    const shared =
      'tenant: acme\nsubscriptions: &all\n  - &a { name: a, kind: pull }\n  - { name: b, kind: pull }\n';
    assert.deepEqual(
      parseTenantConfig(edited(shared, { name: 'b' }), 'acme.yaml').subscriptions.map(({ name }) => name),
      ['a'],
    );
    const needed =
      'tenant: acme\nsubscriptions:\n  - { name: a, kind: workflow, workflow: &w \'"x"\', taskQueue: \'"own.acme"\', id: event.subject, signal: *w }\n  - { name: b, kind: workflow, workflow: *w, taskQueue: \'"own.acme"\', id: event.subject, signal: *w }\n';
    assert.throws(() => editSubscription(needed, { name: 'a' }), { code: 'TENANT_CONFIG_INVALID' });
  });
});
