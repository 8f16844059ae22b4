// Pieces that several views are made of.

import { html, useEffect, useId, useRef, useState } from "./html.js";
import { Icon } from "./icons.js";
import { session, setAdminToken, setToken } from "./session.js";
import { useStore } from "./store.js";
import { t } from "./strings.js";
import { admin } from "./api.js";

export const PageHead = ({ title, lead, children }) => html`
  <header class="page-head">
    <div>
      <h1>${title}</h1>
      ${lead && html`<p class="lead">${lead}</p>`}
    </div>
    ${children && html`<div class="actions">${children}</div>`}
  </header>
`;

// Copies the text of `text`, a string or a function that returns one.
export function CopyButton({ text, label = t("copy"), compact = false }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await copyText(typeof text === "function" ? text() : text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  const said = done ? t("copied") : label;
  return html`
    <button type="button" class="quiet" onClick=${copy} aria-label=${compact ? said : undefined}>
      <${Icon} name=${done ? "check" : "copy"} />
      ${!compact && html`<span aria-live="polite">${said}</span>`}
    </button>
  `;
}

// navigator.clipboard is absent on plain http outside of localhost, which is how a LAN is reached.
export async function copyText(text) {
  if (navigator.clipboard) {
    try {
      return await navigator.clipboard.writeText(text);
    } catch {
      // Not allowed: try the old way.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

// A text to copy. `shown` is what is displayed where that differs, such as with a hidden key.
export const CodeBlock = ({ title, text, shown = text }) => html`
  <figure class="code">
    <figcaption><span>${title}</span><${CopyButton} text=${text} /></figcaption>
    <pre tabindex="0" aria-label=${title}><code>${shown}</code></pre>
  </figure>
`;

export const ErrorNote = ({ error, retry }) =>
  error &&
  html`
    <div class="note bad" role="alert">
      <${Icon} name="warning" />
      <div>
        <p>${error.message}</p>
        ${(error.param || error.requestId) &&
        html`<p class="fine">
          ${[
            error.status || null,
            error.param && t("error.field", { name: error.param }),
            error.requestId,
          ]
            .filter(Boolean)
            .join(" · ")}
        </p>`}
      </div>
      ${retry && html`<button type="button" class="quiet" onClick=${retry}>${t("retry")}</button>`}
    </div>
  `;

export const Note = ({ kind = "", icon, children }) => html`
  <div class="note ${kind}">
    ${icon && html`<${Icon} name=${icon} />`}
    <div>${children}</div>
  </div>
`;

export const Empty = ({ title, children }) => html`
  <div class="empty">
    <p class="empty-title">${title}</p>
    ${children}
  </div>
`;

export const Loading = () => html`<p class="loading" role="status">${t("loading")}</p>`;

export const Badge = ({ kind = "", children }) => html`<span class="badge ${kind}">${children}</span>`;

// An entry of a <dl>.
export const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

// A share of a limit, with both told in words.
export function Meter({ label, used, limit, text }) {
  const share = limit > 0 ? Math.min(used / limit, 1) : 0;
  const state = share >= 0.95 ? "full" : share >= 0.8 ? "high" : "";
  return html`
    <div class="meter">
      <div class="meter-text"><span>${label}</span><span class="number">${text}</span></div>
      <progress class=${state} max="1" value=${share} aria-label=${label}></progress>
    </div>
  `;
}

// A credential's field: hidden, never offered to a password manager, sent nowhere by itself.
// `repeatable`: what is kept may be tried again.
export function SecretField({ label, hint, value, onSave, submit = t("key.use"), repeatable = false }) {
  const id = useId();
  const [draft, setDraft] = useState(value);
  const [visible, setVisible] = useState(false);
  useEffect(() => setDraft(value), [value]);
  const save = (event) => {
    event.preventDefault();
    onSave(draft.trim());
  };
  return html`
    <form class="secret" onSubmit=${save} autocomplete="off">
      <label for=${id}>${label}</label>
      <div class="row">
        <input
          id=${id}
          type=${visible ? "text" : "password"}
          value=${draft}
          onInput=${(event) => setDraft(event.target.value)}
          autocomplete="off"
          autocapitalize="off"
          spellcheck="false"
          aria-describedby="${id}-hint"
          data-1p-ignore
        />
        <button type="button" class="quiet" aria-pressed=${visible} onClick=${() => setVisible(!visible)}>
          ${visible ? t("key.hide") : t("key.show")}
        </button>
        <button type="submit" disabled=${repeatable ? !draft.trim() : draft.trim() === value}>${submit}</button>
      </div>
      <small id="${id}-hint">${hint}</small>
    </form>
  `;
}

export function KeyField() {
  const { token } = useStore(session);
  return html`<${SecretField}
    label=${t("key.label")}
    hint=${t("key.hint")}
    value=${token}
    onSave=${setToken}
  />`;
}

// What a view shows in its place while there is no key.
export const NeedsKey = () => html`
  <section class="card narrow">
    <h2>${t("key.needed")}</h2>
    <p>${t("key.needed.why")}</p>
    <${KeyField} />
  </section>
`;

// The children, once ADMIN_TOKEN is known to be right; a field for it before.
export function AdminGate({ children }) {
  const state = useStore(session);
  const [error, setError] = useState(null);
  const open = async (token) => {
    setAdminToken(token);
    try {
      setError(null);
      await admin("/health");
    } catch (failure) {
      setError(failure);
    }
  };
  if (state.admin === "open") return children;
  if (state.admin === "absent") {
    return html`<${Empty} title=${t("admin.absent")}><p>${t("admin.absent.how")}</p><//>`;
  }
  return html`
    <section class="card narrow">
      <h2>${t("admin.needed")}</h2>
      <${SecretField}
        repeatable
        label="ADMIN_TOKEN"
        hint=${t("admin.hint")}
        value=${state.adminToken}
        onSave=${open}
        submit=${t("admin.open")}
      />
      <${ErrorNote} error=${error} />
    </section>
  `;
}

// A modal dialog: open as long as it is drawn. Escape and the button call `onClose`.
export function Dialog({ title, onClose, wide = false, children }) {
  const dialog = useRef(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    const opener = document.activeElement;
    element.showModal();
    return () => {
      element.close();
      opener?.focus?.();
    };
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`
    <dialog ref=${dialog} aria-labelledby=${id} onCancel=${cancel} class=${wide ? "wide" : ""}>
      <article>
        <header>
          <h2 id=${id}>${title}</h2>
          <button type="button" class="quiet" aria-label=${t("close")} onClick=${onClose}>
            <${Icon} name="close" />
          </button>
        </header>
        ${children}
      </article>
    </dialog>
  `;
}

// A question before something is done. `act` returns a promise; it is not begun twice at a time.
export function Confirm({ title, why, label, danger = false, act, onClose }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const confirm = async () => {
    setBusy(true);
    try {
      await act();
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };
  return html`
    <${Dialog} title=${title} onClose=${onClose}>
      <p>${why}</p>
      <${ErrorNote} error=${error} />
      <footer>
        <button type="button" class="secondary" onClick=${onClose}>${t("cancel")}</button>
        <button type="button" class=${danger ? "danger" : ""} disabled=${busy} onClick=${confirm}>${label}</button>
      </footer>
    <//>
  `;
}

// Tabs by the pattern of WAI-ARIA: arrows move between them, one is in the tab order.
export function Tabs({ label, items, chosen, onChoose, children, vertical = false }) {
  const id = useId();
  const move = (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const place = items.findIndex((item) => item.id === chosen);
    const next =
      event.key === "Home" ? 0 : event.key === "End" ? items.length - 1 : step && place + step;
    if (next === undefined) return;
    event.preventDefault();
    const item = items[(next + items.length) % items.length];
    onChoose(item.id);
    document.getElementById(`${id}-${item.id}`).focus();
  };
  return html`
    <div class="tabs ${vertical ? "vertical" : ""}">
      <div role="tablist" aria-label=${label} aria-orientation=${vertical ? "vertical" : "horizontal"}>
        ${items.map(
          (item) => html`
            <button
              type="button"
              role="tab"
              id="${id}-${item.id}"
              key=${item.id}
              aria-selected=${item.id === chosen ? "true" : "false"}
              aria-controls="${id}-panel"
              tabindex=${item.id === chosen ? 0 : -1}
              onClick=${() => onChoose(item.id)}
              onKeyDown=${move}
            >
              ${item.name}
            </button>
          `,
        )}
      </div>
      <div role="tabpanel" id="${id}-panel" aria-labelledby="${id}-${chosen}">${children}</div>
    </div>
  `;
}

// One choice of a few, as buttons side by side.
export const Choice = ({ label, options, value, onChange }) => html`
  <div class="choice" role="group" aria-label=${label}>
    ${options.map(
      ([option, name]) => html`
        <button
          type="button"
          key=${option}
          aria-pressed=${option === value ? "true" : "false"}
          onClick=${() => onChange(option)}
        >
          ${name}
        </button>
      `,
    )}
  </div>
`;

// Save a text or a Blob as a file.
export function download(name, content, type) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
