/**
 * Sets the clock of a process that is started with `--import` of this file ahead by `HEADGATE_TEST_CLOCK_MS`, for Node alone:
 * what Temporal's core asks the kernel is right.
 */
const shift = Number(process.env.HEADGATE_TEST_CLOCK_MS ?? 0);
const RealDate = Date;
const now = () => RealDate.now() + shift;

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(now());
    else super(...given);
  }

  static now() {
    return now();
  }
};
