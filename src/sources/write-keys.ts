/** A producer of a tenant that sends with a write key, as the API needs to know it. */
export interface Source {
  readonly tenant: string;
  /** Of those of its tenant. */
  readonly name: string;
  /** Origins of pages that may send with its keys, `https://shop.example`; undefined: any. */
  readonly allowedOrigins?: readonly string[];
  /** Types of CloudEvents that it may send, exactly or as a prefix that ends in `*`; undefined: any. */
  readonly eventTypes?: readonly string[];
}

/** Finds whose a write key is. */
export interface WriteKeys {
  /** Undefined for a key that is not known, or was revoked. In constant time for any other text. */
  find(key: string): Source | undefined;
  /** False while keys may be missing that were made before this process started: the answer to an unknown one is 429 then. */
  readonly complete: boolean;
}
