/** A sender whose own way of signing is known, and needs nothing but a secret. */
export type KnownSender = 'github' | 'stripe' | 'shopify' | 'slack' | 'standard-webhooks';

/** Digests of generic signatures. */
export const ALGORITHMS = ['sha256', 'sha1', 'sha512'] as const;

/** How generic signatures are written. */
export const ENCODINGS = ['hex', 'base64'] as const;

/** A signature of a sender whose own way is not known by name: an HMAC in a header. */
export interface HmacVerification {
  readonly kind: 'hmac';
  readonly header: string;
  readonly algorithm: (typeof ALGORITHMS)[number];
  readonly encoding: (typeof ENCODINGS)[number];
  /** What stands before the signature in its header. */
  readonly prefix: string;
  /** Header with the time of sending, in seconds or milliseconds since 1970. */
  readonly timestampHeader?: string;
  /** What is signed, with `{body}` and `{timestamp}` in the place of what was sent. */
  readonly signed: string;
}

/** A user and a password in `Authorization`. */
export interface BasicVerification {
  readonly kind: 'basic';
  readonly user: string;
}

/** How a source tells that a request is its sender's. */
export type Verification = { readonly kind: KnownSender } | HmacVerification | BasicVerification;

/** A request as it is verified. */
export interface SentRequest {
  /** By names in small letters, as Node has them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As it came, inflated. */
  readonly body: Buffer;
}

/** What a request says of itself, before anything of it is believed. */
export interface Claim {
  /** What is signed; it tells one request from another. */
  readonly content: Buffer;
  /** When it was sent, as signed; milliseconds since the epoch. Undefined where no time is signed. */
  readonly sentAt?: number;
  /**
   * Whether it was made with the secret, in a time that does not depend on how much of it is right.
   * @throws HeadgateError `SECRET_INVALID`: the secret is not one of this kind
   */
  fits(secret: string): boolean;
}

/** Why a request makes no claim at all, in words for its sender. */
export interface NoClaim {
  readonly problem: string;
}
