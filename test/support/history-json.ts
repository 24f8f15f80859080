import { createRequire } from 'node:module';
import type { temporal } from '@temporalio/proto';

type FromJson = (type: unknown, json: unknown, options: object) => temporal.api.history.v1.IHistory;

/**
 * A history from its proto3 JSON, the form of the Temporal CLI and UI. The SDK's own `historyFromJSON` works only where
 * npm has installed protobufjs once; asked of the package that has the types, it works wherever it is.
 */
export function historyFromJson(json: unknown): temporal.api.history.v1.IHistory {
  const require = createRequire(import.meta.url);
  const ofProto = createRequire(require.resolve('@temporalio/proto'));
  const { fromJson } = ofProto('protobufjs/ext/protojson') as { fromJson: FromJson };
  const { patchProtobufRoot } = require('@temporalio/proto/lib/patch-protobuf-root') as {
    patchProtobufRoot: (root: unknown) => { lookupType: (name: string) => unknown };
  };
  const type = patchProtobufRoot(require('@temporalio/proto')).lookupType('temporal.api.history.v1.History');
  return fromJson(type, json, { ignoreUnknownFields: true });
}
