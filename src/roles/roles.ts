/** Which roles a process plays. */
export interface Roles {
  readonly api: boolean;
  readonly worker: boolean;
}
