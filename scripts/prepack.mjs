/**
 * Before `npm pack` and `npm publish`: what goes into the package is built, in a fresh clone too. Quietly, since the
 * output of `npm pack` is the name of the file that it has made.
 */
import { main, setup } from './setup.mjs';

await main(() => setup({ quiet: true }));
