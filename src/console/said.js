/** What a screen reader says of what has changed without the reader's doing, or by it. */
import { useEffect, useState } from 'preact/hooks';
import { html } from './html.js';

let listener = () => {};

/** Has a sentence said, once. */
export function say(sentence) {
  listener(sentence);
}

/** The place that screen readers listen to. */
export function Said() {
  const [sentence, setSentence] = useState('');
  useEffect(() => {
    listener = (text) => setSentence((known) => (known === text ? `${text} ` : text));
  }, []);
  return html`<p class="only-heard" role="status" aria-live="polite">${sentence}</p>`;
}
