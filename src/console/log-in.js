import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './html.js';
import { Field, onSubmit, Problem } from './parts.js';
import { logIn } from './session.js';

/** Asks for a token. @param {{ lost?: Error }} props why the last one is good no more */
export function LogIn({ lost }) {
  const [error, setError] = useState(lost);
  const input = useRef();
  useEffect(() => {
    document.title = 'Log in · Headgate';
    input.current.focus();
  }, []);
  const send = onSubmit(({ token = '' }) => {
    try {
      logIn(token.replace(/^Bearer\s+/i, ''));
    } catch (problem) {
      setError({ code: 'TOKEN_INVALID', message: problem.message });
    }
  });
  return html`<main class="log-in" id="main">
    <h1>Headgate</h1>
    <p>Log in with a token of a tenant, or of an operator.</p>
    <${Problem} error=${error} />
    <form onSubmit=${send}>
      <${Field}
        label="Token"
        hint="It stays in the memory of this page, and is gone when the page is closed or loaded again."
      >
        <input ref=${input} name="token" type="password" autocomplete="off" spellcheck="false" required />
      <//>
      <div class="actions"><button type="submit" class="main">Log in</button></div>
    </form>
    <details>
      <summary>Where to get one</summary>
      <p>For a try, where keys for development are:</p>
      <pre tabindex="0" role="group" aria-label="Command">headgate token --tenant UA --scope admin</pre>
      <p>To look, without changing anything, these scopes are enough:</p>
      <pre tabindex="0" role="group" aria-label="Scopes to look">
status:read subscriptions:read events:read
batches:read dead-letters:read replays:read
decisions:read usage:read audit-log:read</pre>
    </details>
  </main>`;
}
