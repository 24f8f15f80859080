import { setTimeout as sleep } from 'node:timers/promises';
import { faultPoint } from '../../../platform/fault-point.js';
import type { Field } from './schema.js';
import { rowRequests, type RowRequest } from './row-requests.js';
import { appendError, isConnectionError, Status } from './stream-errors.js';
import type { WriteClient } from './write-client.js';
import { unlessAborted } from './write-streams.js';

/** BigQuery takes 10 MB a request. */
const REQUEST_BYTES = 5 * 1024 ** 2;
/** The client sends all that it is given, and keeps it until it is answered. */
const IN_FLIGHT = 3;
const ANSWER_TIMEOUT_MS = 60_000;
const CONNECTIONS = 4;
const FIRST_WAIT_MS = 250;

/** What {@link appendRows} needs. */
export interface AppendOptions {
  readonly client: WriteClient;
  /** Name of a stream that nobody else appends to. */
  readonly stream: string;
  readonly fields: readonly Field[];
  /** A file of NDJSON. */
  readonly path: string;
  readonly signal?: AbortSignal;
}

/**
 * Appends the rows of a file to a stream that begins with it, each at its own offset: a request that is sent again, since its
 * answer was lost with the connection, adds nothing.
 * @throws what BigQuery answers, with a code of gRPC
 */
export async function appendRows(options: AppendOptions): Promise<void> {
  let appended = 0;
  for (let connections = 1; ; connections++) {
    try {
      await appendFrom(options, appended, (end) => (appended = end));
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (connections === CONNECTIONS || !isConnectionError(error)) throw error;
      await sleep(FIRST_WAIT_MS * 2 ** connections, undefined, { signal: options.signal });
    }
  }
}

async function appendFrom(
  { client, stream, fields, path, signal }: AppendOptions,
  from: number,
  onAppended: (end: number) => void,
): Promise<void> {
  const { managedwriter, adapt } = client.library;
  const writerClient = client.forLoad();
  const schema = adapt.convertBigQuerySchemaToStorageTableSchema({ fields: [...fields] });
  const protoDescriptor = adapt.convertStorageSchemaToProto2Descriptor(schema, 'root');
  try {
    const connection = await unlessAborted(writerClient.createStreamConnection({ streamId: stream }), signal);
    // What waits for an answer gets it; an error that nobody listens to would end the process.
    connection.onConnectionError(() => undefined);
    const writer = new managedwriter.JSONWriter({ connection, protoDescriptor });
    // It would connect anew when the table has got a column, and what is under way would never be answered.
    connection.removeAllListeners('schemaUpdated');
    const send = async ({ offset, rows }: RowRequest): Promise<void> => {
      faultPoint('bigquery-append.before');
      const { error, rowErrors } = await inTime(writer.appendRows([...rows], offset).getResult(), signal);
      if (error && error.code !== Status.ALREADY_EXISTS) throw appendError(error, rowErrors ?? [], offset);
      faultPoint('bigquery-append.after');
      onAppended(offset + rows.length);
    };
    await sendAll(rowRequests(path, REQUEST_BYTES), from, send);
  } finally {
    writerClient.close();
  }
}

/** A few at a time, in order; of several that fail the first one counts, since the others follow from it. */
async function sendAll(
  requests: AsyncIterable<RowRequest>,
  from: number,
  send: (request: RowRequest) => Promise<void>,
): Promise<void> {
  const inFlight: Promise<void>[] = [];
  for await (const request of requests) {
    if (request.offset < from) continue;
    if (inFlight.length === IN_FLIGHT) await inFlight.shift();
    const sent = send(request);
    sent.catch(() => undefined);
    inFlight.push(sent);
  }
  for (const sent of inFlight) await sent;
}

async function inTime<T>(answer: Promise<T>, signal?: AbortSignal): Promise<T> {
  const tooLong = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  try {
    return await unlessAborted(answer, AbortSignal.any(signal ? [signal, tooLong] : [tooLong]));
  } catch (error) {
    if (!tooLong.aborted) throw error;
    const message = `no answer to an append in ${ANSWER_TIMEOUT_MS / 1000} s`;
    throw Object.assign(new Error(message, { cause: error }), { code: Status.DEADLINE_EXCEEDED });
  }
}
