/** Settles when it is told to. */
export interface Gate {
  readonly passed: Promise<void>;
  open(): void;
  fail(error: Error): void;
}

/** A gate that is closed. */
export function gate(): Gate {
  let open = (): void => undefined;
  let fail: (error: Error) => void = () => undefined;
  const passed = new Promise<void>((resolve, reject) => ((open = resolve), (fail = reject)));
  // Nobody may be waiting when it fails.
  passed.catch(() => undefined);
  return { passed, open, fail };
}
