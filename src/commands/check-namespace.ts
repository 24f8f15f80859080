import type { Config } from '../config.js';
import { ownClient } from '../temporal/own-client.js';
import { connectTemporal, temporalFromEnvironment } from '../temporal/connect.js';
import { readNamespaceClaim } from '../temporal/namespace-owner.js';
import { messageOf } from '../errors.js';
import { printable } from '../platform/printable.js';
import { readDirectoryId } from '../roles/data-directory.js';
import { openBatches } from '../roles/stores.js';
import { fail, ok, warn, type Finding } from './finding.js';

/** Says whether the namespace of `TEMPORAL_ADDRESS` is this data directory's. Claims nothing. */
export async function checkNamespace(config: Config): Promise<Finding> {
  const check = 'namespace';
  const { connect, namespace = config.temporalNamespace } = temporalFromEnvironment(
    config.temporalAddress as string,
  );
  try {
    const connection = await connectTemporal(connect);
    try {
      const claim = await readNamespaceClaim(ownClient({ connection, namespace }));
      if (claim === undefined) return ok(check, `"${namespace}" is nobody's yet; the first start claims it`);
      const { directory, path, host } = claim.owner;
      if (directory === (await readDirectoryId(config.dataDir)))
        return ok(check, `"${namespace}" belongs to this data directory`);
      // An API alone may use the namespace of a node that has batches in the same bucket.
      const store = config.batches && (await (await openBatches(config)).identity.idIfThere());
      if (store !== undefined && store === claim.owner.store)
        return ok(
          check,
          printable(`"${namespace}" belongs to ${path} on host ${host}; the bucket is the same`),
        );
      const fix =
        'set TEMPORAL_NAMESPACE to one of its own; or, if that directory is gone: headgate namespace claim --force';
      return fail(check, printable(`"${namespace}" belongs to ${path} on host ${host}`), fix);
    } finally {
      await connection.close();
    }
  } catch (error) {
    return warn(check, `cannot be asked: ${messageOf(error)}`, 'see what is said of temporal');
  }
}
