import { useEffect, useRef } from 'preact/hooks';
import { html } from './html.js';
import { at, useLocation } from './location.js';
import { LogIn } from './log-in.js';
import { pageOf, pagesOf } from './pages.js';
import { Said } from './said.js';
import { logOut, useSession } from './session.js';
import { TenantPicker } from './tenant-picker.js';

/** All of the console: the way in, or the page that is asked for with what is around it. */
export function Console() {
  const session = useSession();
  if (session?.token === undefined) return html`<${LogIn} lost=${session?.lost} key=${session?.lost} />`;
  return html`<${Shell} session=${session} />`;
}

function Shell({ session }) {
  const location = useLocation();
  const pages = pagesOf(session);
  const { page, title, view } = pageOf(pages, location);
  const path = location.parts.join('/');
  const main = useRef();
  const first = useRef(true);
  useEffect(() => {
    document.title = `${title} · Headgate`;
    // A reader who has followed a link goes on where the new page begins.
    if (!first.current) main.current.focus();
    first.current = false;
    globalThis.scrollTo(0, 0);
    document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [path]);
  const skip = (event) => {
    event.preventDefault();
    main.current.focus();
  };
  const picked = session.tenant !== undefined;
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header>
      <p class="name">Headgate</p>
      ${
        session.operator
          ? html`<${TenantPicker} session=${session} key=${session.tenant} />`
          : html`<p class="tenant"><span class="faint">Tenant</span> ${session.tenant ?? '?'}</p>`
      }
      <button type="button" onClick=${() => logOut()}>Log out</button>
    </header>
    <nav aria-label="Pages">
      <ul>
        ${pages.map(
          (each) =>
            html`<li key=${each.name}>
              <a href=${at([each.name])} aria-current=${each === page ? 'page' : undefined}>${each.title}</a>
            </li>`,
        )}
      </ul>
    </nav>
    <main id="main" ref=${main} tabindex="-1">
      ${
        picked || page === undefined || page.ofAll
          ? html`<${view} key=${`${session.tenant} ${path}`} ...${{ location, session }} />`
          : html`<h1>${title}</h1>
              <p>Choose a tenant first.</p>`
      }
    </main>
    <${Said} />
  `;
}
