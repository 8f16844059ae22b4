// The frame around the views: navigation, credential, language and theme.

import { html, useEffect, useRef, useState } from "./html.js";
import { Icon } from "./icons.js";
import { Dialog, KeyField } from "./parts.js";
import { href, route } from "./router.js";
import { THEMES, gateway, prefer, preferences, session } from "./session.js";
import { useStore } from "./store.js";
import { LANGUAGES, language, t } from "./strings.js";

const VIEWS = ["start", "play", "models", "usage", "health"];
const ADMIN_VIEWS = ["keys", "tokens", "requests"];

const loaders = {
  start: () => import("./views/start.js"),
  play: () => import("./views/play.js"),
  models: () => import("./views/models.js"),
  usage: () => import("./views/usage.js"),
  health: () => import("./views/health.js"),
  keys: () => import("./views/keys.js"),
  tokens: () => import("./views/tokens.js"),
  requests: () => import("./views/requests.js"),
};

export function Shell() {
  const { view: asked, query } = useStore(route);
  const { admin } = useStore(session);
  useStore(preferences); // the language may change
  const view = Object.hasOwn(loaders, asked) ? asked : "start";
  const [menu, setMenu] = useState(false);
  useEffect(() => setMenu(false), [view]);
  useEffect(() => {
    document.title = `${t(`nav.${view}`)} · Poegate`;
    document.documentElement.lang = language();
  });
  const navigation = html`<${Navigation} view=${view} admin=${admin} />`;
  return html`
    <a class="skip" href="#main" onClick=${skipToMain}>${t("nav.skip")}</a>
    <div class="frame">
      <header class="topbar">
        <button type="button" class="quiet" aria-label=${t("nav.menu")} onClick=${() => setMenu(true)}>
          <${Icon} name="menu" />
        </button>
        <span class="topbar-title">${t(`nav.${view}`)}</span>
        <${KeyStatus} />
      </header>
      <aside class="sidebar"><${Brand} />${navigation}<${Options} /></aside>
      ${menu &&
      html`<${Dialog} title="Poegate" onClose=${() => setMenu(false)}>
        <div class="drawer">${navigation}<${Options} /></div>
      <//>`}
      <main id="main" tabindex="-1" class="view-${view}"><${View} name=${view} query=${query} /></main>
    </div>
  `;
}

// Not by the link itself: the address after # names the view.
function skipToMain(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function View({ name, query }) {
  const [loaded, setLoaded] = useState({});
  const shown = useRef(null);
  useEffect(() => {
    let left = false; // for another view, whose module may arrive first
    loaders[name]().then(
      (module) => left || setLoaded({ name, View: module.default }),
      (error) => left || setLoaded({ name, View: () => html`<p role="alert">${error.message}</p>` }),
    );
    // After a change of view, the keyboard and screen readers go on in it.
    if (shown.current && shown.current !== name) document.getElementById("main").focus();
    shown.current = name;
    scrollTo(0, 0);
    return () => (left = true);
  }, [name]);
  return loaded.name === name ? html`<${loaded.View} query=${query} />` : null;
}

const Brand = () => html`
  <a class="brand" href=${href("start")}>
    <span class="mark"><${Icon} name="gate" /></span>
    <span>Poegate</span>
    <span class="version">${gateway.version}</span>
  </a>
`;

const Navigation = ({ view, admin }) => html`
  <nav aria-label=${t("nav.label")}>
    <${Links} names=${VIEWS} view=${view} />
    ${admin !== "absent" &&
    html`
      <p class="nav-group" id="nav-admin">${t("nav.admin")}</p>
      <${Links} names=${ADMIN_VIEWS} view=${view} labelledBy="nav-admin" />
    `}
  </nav>
`;

const Links = ({ names, view }) => html`
  <ul>
    ${names.map(
      (name) => html`
        <li key=${name}>
          <a href=${href(name)} aria-current=${name === view ? "page" : undefined}>
            <${Icon} name=${name} />${t(`nav.${name}`)}
          </a>
        </li>
      `,
    )}
  </ul>
`;

function Options() {
  const { theme } = useStore(preferences);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  return html`
    <div class="options">
      <${KeyStatus} />
      <div class="row">
        <select
          aria-label=${t("nav.language")}
          value=${language()}
          onChange=${(event) => prefer("language", event.target.value)}
        >
          ${Object.entries(LANGUAGES).map(
            ([code, name]) => html`<option key=${code} value=${code} selected=${code === language()}>${name}</option>`,
          )}
        </select>
        <button
          type="button"
          class="quiet"
          aria-label=${t("nav.theme", { theme: t(`theme.${theme}`) })}
          title=${t("nav.theme", { theme: t(`theme.${theme}`) })}
          onClick=${() => prefer("theme", next)}
        >
          <${Icon} name=${{ auto: "auto", light: "sun", dark: "moon" }[theme]} />
        </button>
      </div>
    </div>
  `;
}

// Whether this tab holds a key, and the way to change it.
function KeyStatus() {
  const { token } = useStore(session);
  const [open, setOpen] = useState(false);
  return html`
    <button type="button" class="key-status ${token ? "set" : ""}" onClick=${() => setOpen(true)}>
      <span class="dot"></span>${token ? t("key.set") : t("key.none")}
    </button>
    ${open &&
    html`<${Dialog} title=${t("key.title")} onClose=${() => setOpen(false)}><${KeyField} /><//>`}
  `;
}
