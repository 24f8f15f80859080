import { render } from './preact.js';
import { html } from './html.js';
import { Console } from './shell.js';

render(html`<${Console} />`, document.getElementById('console'));
