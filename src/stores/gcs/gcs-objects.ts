import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { Storage, type Bucket, type GetFilesOptions } from '@google-cloud/storage';
import { MAX_RACES, gcsError, racedError, statusOf } from './gcs-errors.js';

const REQUEST_TIMEOUT_MS = 60_000;
/** A multiple of 256 KiB, as the protocol wants. */
const PIECE_BYTES = 8 * 1024 ** 2;
/** How long the client itself retries; its caller tries again later. */
const RETRY = { maxRetries: 2, totalTimeout: 30 };

/** An object and which of its versions it is; a write can ask that it still is that one. */
export interface StoredObject {
  readonly bytes: Buffer;
  readonly generation: string;
}

/** How to write an object. */
export interface ObjectWrite {
  /** The version that must be there. Default: there must be none. */
  readonly replaces?: string;
  /** Default `application/gzip`. */
  readonly contentType?: string;
}

/** One page of a listing. */
export interface ObjectPage {
  readonly names: readonly string[];
  /** When each was written, milliseconds since the epoch; NaN where the fields that were asked for do not say. */
  readonly times: readonly number[];
  /** What the names have in common up to the delimiter, where one was asked for. */
  readonly prefixes: readonly string[];
}

/**
 * The objects of one bucket. All writes carry a precondition, which is what makes Google's client retry them; what it
 * throws in the end is sorted, see {@link gcsError}.
 */
export class GcsObjects {
  private readonly bucket: Bucket;
  private readonly place: string;

  /** @param endpoint of an emulator; requests to it carry no credentials. Default: Google's. */
  constructor(
    bucket: string,
    private readonly endpoint?: string,
  ) {
    const storage = new Storage({
      timeout: REQUEST_TIMEOUT_MS,
      retryOptions: RETRY,
      ...(endpoint !== undefined && { apiEndpoint: endpoint, projectId: 'emulator' }),
    });
    this.bucket = storage.bucket(bucket);
    this.place = `gs://${bucket}`;
  }

  /** Looks for credentials, and asks for a token with them. */
  async authenticate(): Promise<void> {
    if (this.endpoint !== undefined) return;
    await this.sorted(() => this.bucket.storage.authClient.getAccessToken());
  }

  /** The bytes of an object; undefined when it is not there. */
  async read(name: string, generation?: string): Promise<Buffer | undefined> {
    const file = this.bucket.file(name, { generation });
    return this.unlessGone(name, async () => (await file.download({ decompress: false }))[0]);
  }

  /** An object and its version, for a write that is to replace that one alone; undefined when it is not there. */
  async readVersion(name: string): Promise<StoredObject | undefined> {
    const generation = await this.generationOf(name);
    const bytes = generation && (await this.read(name, generation));
    return generation !== undefined && bytes ? { bytes, generation } : undefined;
  }

  /**
   * Writes an object in one request.
   * @returns false when there was another version than there must be
   */
  async write(name: string, bytes: Buffer, options: ObjectWrite = {}): Promise<boolean> {
    const { replaces, contentType = 'application/gzip' } = options;
    const md5Hash = createHash('md5').update(bytes).digest('base64');
    return this.unlessChanged(() =>
      this.bucket.file(name).save(bytes, {
        resumable: false,
        preconditionOpts: { ifGenerationMatch: replaces ?? 0 },
        // Compared by the server, which then keeps nothing; the client would compare afterwards, and delete.
        metadata: { contentType, md5Hash },
        validation: false,
      }),
    );
  }

  /**
   * Writes a file of this disk as an object, in place of any that is there. A large one goes in pieces, each in the time of
   * a request, and goes on where it was when a connection breaks.
   */
  async upload(name: string, path: string): Promise<void> {
    const resumable = (await stat(path)).size > PIECE_BYTES;
    const how = resumable ? { resumable, chunkSize: PIECE_BYTES } : { resumable };
    await this.sorted(() => this.bucket.upload(path, { destination: name, ...how }));
  }

  /** Where the bucket lies, such as `EU` or `EUROPE-WEST3`; undefined where these credentials may not know it. */
  async location(): Promise<string | undefined> {
    try {
      const [metadata] = await this.bucket.getMetadata();
      return metadata.location;
    } catch (error) {
      if (statusOf(error) === 403) return undefined;
      throw gcsError(error, this.place);
    }
  }

  /**
   * Deletes an object; one that is not there is no error. It names the version, so that a request that was late, and has
   * been repeated, cannot delete what was written since.
   */
  async remove(name: string): Promise<void> {
    for (let races = 0; races < MAX_RACES; races++) {
      const generation = await this.generationOf(name);
      if (generation === undefined) return;
      const file = this.bucket.file(name, { preconditionOpts: { ifGenerationMatch: generation } });
      const options = { ifGenerationMatch: generation, ignoreNotFound: true };
      if (await this.unlessChanged(() => file.delete(options))) return;
    }
    throw racedError(name);
  }

  /** Lists objects in the order of their names, a page at a time. */
  async *pages(options: GetFilesOptions): AsyncIterable<ObjectPage> {
    let query: GetFilesOptions | null = { ...options, autoPaginate: false };
    while (query !== null) {
      const asked: GetFilesOptions = query;
      const [files, next, answer] = await this.sorted(() => this.bucket.getFiles(asked));
      const { prefixes = [] } = (answer ?? {}) as { prefixes?: string[] };
      const times = files.map(({ metadata }) => Date.parse(metadata.timeCreated ?? ''));
      yield { names: files.map(({ name }) => name), times, prefixes };
      query = next as GetFilesOptions | null;
    }
  }

  private async generationOf(name: string): Promise<string | undefined> {
    const [metadata] = (await this.unlessGone(name, () => this.bucket.file(name).getMetadata())) ?? [];
    return metadata && String(metadata.generation);
  }

  private async sorted<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      throw gcsError(error, this.place);
    }
  }

  /** A 404 may be the bucket's as well; to take that for a file that is gone would be to give its events up. */
  private async unlessGone<T>(name: string, request: () => Promise<T>): Promise<T | undefined> {
    try {
      return await request();
    } catch (error) {
      if (statusOf(error) !== 404) throw gcsError(error, this.place);
      await this.sorted(() => this.bucket.getFiles({ prefix: name, maxResults: 1, autoPaginate: false }));
      return undefined;
    }
  }

  private async unlessChanged(request: () => Promise<unknown>): Promise<boolean> {
    try {
      await request();
      return true;
    } catch (error) {
      if (statusOf(error) === 412) return false;
      throw gcsError(error, this.place);
    }
  }
}
