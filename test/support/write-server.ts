import { protos } from '@google-cloud/bigquery-storage';
import { grpc } from 'google-gax';

const {
  AppendRowsRequest,
  AppendRowsResponse,
  BatchCommitWriteStreamsResponse,
  FinalizeWriteStreamResponse,
} = protos.google.cloud.bigquery.storage.v1;
const SERVICE = '/google.cloud.bigquery.storage.v1.BigQueryWrite';

/** A status as gRPC has it. */
interface Refusal {
  readonly code: number;
  readonly details: string;
}

/** What an append is answered with; a refusal ends the connection. */
export type AppendAnswer =
  protos.google.cloud.bigquery.storage.v1.IAppendRowsResponse | { readonly end: Refusal };

/** A server of the Storage Write API that answers as a test says; it keeps nothing. */
export interface WriteServer {
  /** `host:port`. */
  readonly address: string;
  /** Requests with one answer so far. */
  readonly calls: number;
  /** The offsets of the appends so far. */
  readonly offsets: readonly number[];
  /** The most appends that waited for their answers at once. */
  readonly mostWaiting: number;
  stop(): void;
}

/** What a {@link WriteServer} does. */
export interface WriteServerOptions {
  /** What every request with one answer gets. Default: the rows of an ended stream, 0. */
  readonly refuse?: Refusal;
  /** What a commit is answered with. Default: nothing that says it has been done. */
  readonly commit?: protos.google.cloud.bigquery.storage.v1.IBatchCommitWriteStreamsResponse;
  /** @param n which append it is, from 0 */
  readonly append?: (n: number) => AppendAnswer;
}

/** Starts a server on a free port of this machine. */
export async function startWriteServer({
  refuse,
  commit = {},
  append,
}: WriteServerOptions): Promise<WriteServer> {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  const offsets: number[] = [];
  let [calls, waiting, mostWaiting] = [0, 0, 0];
  const asIs = (bytes: Buffer): Buffer => bytes;
  const method = (name: string, streams: boolean) => ({
    path: `${SERVICE}/${name}`,
    requestStream: streams,
    responseStream: streams,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  });
  const answering =
    (answer: Uint8Array): grpc.handleUnaryCall<Buffer, Buffer> =>
    (_call, callback) => {
      calls += 1;
      if (refuse) callback(refuse);
      else callback(null, Buffer.from(answer));
    };
  const unary = answering(FinalizeWriteStreamResponse.encode({ rowCount: 0 }).finish());
  const committing = answering(BatchCommitWriteStreamsResponse.encode(commit).finish());
  const appendRows: grpc.handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    call.on('data', (bytes: Buffer) => {
      const { offset } = AppendRowsRequest.decode(bytes);
      mostWaiting = Math.max(mostWaiting, ++waiting);
      const n = offsets.push(Number(offset?.value ?? 0)) - 1;
      const answer = append?.(n) ?? {};
      setImmediate(() => {
        waiting -= 1;
        if ('end' in answer) call.emit('error', answer.end);
        else call.write(Buffer.from(AppendRowsResponse.encode(answer).finish()));
      });
    });
    call.on('end', () => call.end());
  };
  server.addService(
    {
      create: method('CreateWriteStream', false),
      get: method('GetWriteStream', false),
      finalize: method('FinalizeWriteStream', false),
      commit: method('BatchCommitWriteStreams', false),
      append: method('AppendRows', true),
    },
    { create: unary, get: unary, finalize: unary, commit: committing, append: appendRows },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    address: `127.0.0.1:${port}`,
    offsets,
    get calls() {
      return calls;
    },
    get mostWaiting() {
      return mostWaiting;
    },
    stop: () => server.forceShutdown(),
  };
}
