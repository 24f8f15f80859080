/** What the pages are written with: Preact, and htm in place of JSX. */
import { h } from 'preact';
import htm from 'htm';

/** A tagged template that makes elements. Every value in it is escaped: it becomes text or an attribute, never markup. */
export const html = htm.bind(h);
