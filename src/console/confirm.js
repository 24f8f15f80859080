import { useEffect, useRef } from 'preact/hooks';
import { html } from './html.js';
import { Field, onSubmit, Problem } from './parts.js';

let made = 0;

/**
 * A button that asks before it acts, in a dialog which takes the focus, gives it back, and closes on Escape.
 * @param {{ label: string, question: string, explanation: any, reason?: 'optional' | 'required', danger?: boolean,
 *   busy: boolean, error?: Error, onConfirm: (reason?: string) => Promise<boolean> }} props
 *   `onConfirm` gives whether it has gone well; if not, the dialog stays, with `error`
 */
export function Confirm({ label, question, explanation, reason, danger = false, busy, error, onConfirm }) {
  const dialog = useRef();
  const id = useRef(`dialog-${++made}`);
  const close = () => dialog.current.close();
  const send = onSubmit(async (values) => {
    if (await onConfirm(values.reason)) dialog.current?.close();
  });
  useEffect(() => () => dialog.current?.close(), []);
  return html`
    <button type="button" class=${danger ? 'danger' : ''} onClick=${() => dialog.current.showModal()}>
      ${label}
    </button>
    <dialog ref=${dialog} aria-labelledby=${id.current}>
      <form onSubmit=${send}>
        <h2 id=${id.current}>${question}</h2>
        <p>${explanation}</p>
        ${
          reason &&
          html`<${Field} label="Reason" hint=${reason === 'optional' ? 'May be left out.' : undefined}>
            <input name="reason" maxlength="500" autocomplete="off" required=${reason === 'required'} />
          <//>`
        }
        <${Problem} error=${error} />
        <div class="actions">
          <button type="button" onClick=${close}>Cancel</button>
          <button type="submit" class=${danger ? 'danger' : 'main'} disabled=${busy}>${label}</button>
        </div>
      </form>
    </dialog>
  `;
}
