import { render } from 'preact';
import { html } from './html.js';
import { Console } from './shell.js';

render(html`<${Console} />`, document.getElementById('console'));
