/** What a request that has been admitted holds, from its headers to its answer. */
export interface Permit {
  /**
   * Says how many bytes of the body, inflated, have been read so far.
   * @throws HeadgateError `TENANT_IN_FLIGHT_FULL`, `OVERLOADED` when they are more than was announced and do not fit
   */
  received(bytes: number): void;
  /** Charges the request for what it held; without it, a request is charged for the bytes that were received. */
  charge(events: number, bytes: number): void;
  /** Gives back the memory it held. To be called once, when the request has been answered. */
  release(): void;
}

/** What a {@link Permit} acts on, of its tenant. */
export interface PermitAccount {
  /** Bytes more (or, if negative, less) in memory; throws when they do not fit. */
  hold(bytes: number): void;
  charge(events: number, bytes: number): void;
}

/** Makes the permit of one request; `announced` bytes are held from now on. */
export function createPermit(account: PermitAccount, announced: number): Permit {
  let held = announced;
  let received = 0;
  let charged = false;
  account.hold(held);
  return {
    received: (bytes) => {
      received = bytes;
      if (bytes <= held) return;
      account.hold(bytes - held);
      held = bytes;
    },
    charge: (events, bytes) => {
      charged = true;
      account.charge(events, bytes);
    },
    release: () => {
      if (!charged) account.charge(0, received);
      account.hold(-held);
      held = 0;
      charged = true;
    },
  };
}
