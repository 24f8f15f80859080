/** What the pages are written with: Preact, and htm in place of JSX, so that nothing has to be built. */
import { h } from './preact.js';
import htm from './htm.js';

/** A tagged template that makes elements. Every value in it is escaped: it becomes text or an attribute, never markup. */
export const html = htm.bind(h);
