/** The line a test run ends with, also one that crashed; shared by mocha's reporter and scripts/test.mjs. */
export function totalsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
