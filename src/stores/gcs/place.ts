/** Where files are in Google Cloud Storage. */
export interface GcsPlace {
  readonly bucket: string;
  /** What the names of all objects begin with, without a slash at its ends; empty: nothing. */
  readonly prefix: string;
  /** URL of an emulator; requests to it carry no credentials. Default: Google's. */
  readonly endpoint?: string;
}
