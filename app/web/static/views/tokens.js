// Tokens: who may ask, which bots, how much.

import { admin } from "../api.js";
import { count, dateOf, dateTime, points } from "../format.js";
import { html, useState } from "../html.js";
import { Icon } from "../icons.js";
import { AdminGate, Badge, Confirm, CopyButton, Dialog, Empty, ErrorNote, Fact, Loading, Meter, Note, PageHead } from "../parts.js";
import { useLoaded } from "../store.js";
import { t } from "../strings.js";

export default function Tokens() {
  return html`<${AdminGate}><${List} /><//>`;
}

function List() {
  const { data, error, loading, reload } = useLoaded((signal) => admin("/tokens", { signal }), []);
  const [shown, setShown] = useState(null); // {form: token or {}} | {secret} | {rotate: token} | {remove: token}
  const [failure, setFailure] = useState(null);
  const [sought, setSought] = useState("");
  const act = async (path, method) => {
    const answer = await admin(path, { method });
    setShown(answer.secret ? { secret: answer } : null);
    reload();
  };
  const block = (token) =>
    act(`${pathOf(token)}/${token.blocked ? "unblock" : "block"}`, "POST").then(() => setFailure(null), setFailure);
  const saved = (token) => {
    setShown(token.secret ? { secret: token } : null);
    reload();
  };
  return html`
    <${PageHead} title=${t("nav.tokens")} lead=${t("tokens.lead")}>
      ${data?.stored_tokens && html`<button type="button" onClick=${() => setShown({ form: {} })}><${Icon} name="plus" />${t("tokens.new")}</button>`}
    <//>
    ${data && !data.stored_tokens && html`<${Note} kind="info"><p>${t("tokens.off")}</p><//>`}
    <${ErrorNote} error=${error ?? failure} retry=${error && reload} />
    ${loading && !data && html`<${Loading} />`}
    ${data && !data.data.length && html`<${Empty} title=${t("tokens.none")} />`}
    ${data?.data.length > FEW &&
    html`<form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <input type="search" aria-label=${t("tokens.search")} placeholder=${t("tokens.search")} value=${sought} onInput=${(event) => setSought(event.target.value)} />
    </form>`}
    <div class="cards">
      ${data?.data.filter((token) => matches(token, sought)).map((token) => html`<${Token} key=${token.name} token=${token} onBlock=${() => block(token)} onEdit=${() => setShown({ form: token })} onRotate=${() => setShown({ rotate: token })} onRemove=${() => setShown({ remove: token })} />`)}
    </div>
    ${shown?.form && html`<${Form} token=${shown.form} onClose=${() => setShown(null)} onSaved=${saved} />`}
    ${shown?.secret && html`<${Secret} token=${shown.secret} onClose=${() => setShown(null)} />`}
    ${shown?.rotate &&
    html`<${Confirm}
      title=${t("tokens.rotate.what", { name: shown.rotate.name })}
      why=${t("tokens.rotate.why")}
      label=${t("tokens.rotate")}
      act=${() => act(`${pathOf(shown.rotate)}/rotate`, "POST")}
      onClose=${() => setShown(null)}
    />`}
    ${shown?.remove &&
    html`<${Confirm}
      danger
      title=${t("tokens.remove", { name: shown.remove.name })}
      why=${t("tokens.remove.why")}
      label=${t("tokens.delete")}
      act=${() => act(pathOf(shown.remove), "DELETE")}
      onClose=${() => setShown(null)}
    />`}
  `;
}

const FEW = 6; // tokens that one finds without a search
const matches = ({ name, note }, sought) => `${name} ${note}`.toLowerCase().includes(sought.trim().toLowerCase());
const pathOf = (token) => `/tokens/${encodeURIComponent(token.name)}`;
const KINDS = { active: "good", blocked: "bad", expired: "warn" };
const LIMITS = ["requests_per_minute", "tokens_per_minute", "max_parallel", "points_per_day", "points_per_month"];

function Token({ token, onBlock, onEdit, onRotate, onRemove }) {
  const limits = LIMITS.filter((name) => token[name] != null && !name.startsWith("points"));
  return html`
    <section class="card token" aria-label=${token.name}>
      <header class="card-head">
        <h2>${token.name}</h2>
        <${Badge} kind=${KINDS[token.status]}>${t(`tokens.${token.status}`)}<//>
      </header>
      ${token.note && html`<p class="fine">${token.note}</p>`}
      <dl class="facts">
        <${Fact} name=${t("tokens.source")}>${t(`tokens.source.${token.source}`)}<//>
        <${Fact} name=${t("tokens.used")}>${dateTime(token.last_used_at)}<//>
        <${Fact} name=${t("tokens.expires")}>${dateOf(token.expires)}<//>
        <${Fact} name=${t("tokens.models")}>${token.models ? token.models.join(", ") || "—" : t("tokens.models.all")}<//>
        ${limits.map((name) => html`<${Fact} key=${name} name=${t(`limit.${name}`)}>${count(token[name])}<//>`)}
        <${Fact} name=${t("tokens.today")}>${points(token.points_today)}<//>
      </dl>
      ${token.points_per_day != null && html`<${Budget} period="day" used=${token.points_today} limit=${token.points_per_day} />`}
      ${token.points_per_month != null && html`<${Budget} period="month" used=${token.points_this_month} limit=${token.points_per_month} />`}
      ${token.editable &&
      html`
        <div class="row">
          <button type="button" class="secondary small" onClick=${onEdit}>${t("tokens.edit")}</button>
          <button type="button" class="secondary small" onClick=${onBlock}>
            ${token.blocked ? t("tokens.unblock") : t("tokens.block")}
          </button>
          <button type="button" class="secondary small" onClick=${onRotate}>${t("tokens.rotate")}</button>
          <button type="button" class="secondary small" onClick=${onRemove}>${t("tokens.delete")}</button>
        </div>
      `}
    </section>
  `;
}

const Budget = ({ period, used, limit }) => html`
  <${Meter}
    label=${t(`limit.points_per_${period}`)}
    used=${used ?? 0}
    limit=${limit}
    text=${t("usage.left", { used: points(used ?? 0), limit: points(limit) })}
  />
`;

const Secret = ({ token, onClose }) => html`
  <${Dialog} title=${t("tokens.secret", { name: token.name })} onClose=${onClose}>
    <p>${t("tokens.secret.once")}</p>
    <div class="address"><code>${token.secret}</code><${CopyButton} text=${token.secret} /></div>
    <footer><button type="button" onClick=${onClose}>${t("done")}</button></footer>
  <//>
`;

// Make a token, or change the rules of one.
function Form({ token, onClose, onSaved }) {
  const isNew = !token.name;
  const [error, setError] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    const body = changes(event.currentTarget, token);
    try {
      onSaved(
        isNew
          ? await admin("/tokens", { method: "POST", body })
          : await admin(pathOf(token), { method: "PATCH", body }),
      );
    } catch (problem) {
      setError(problem);
    }
  };
  return html`
    <${Dialog} title=${isNew ? t("tokens.new") : t("tokens.edit.what", { name: token.name })} onClose=${onClose}>
      <form onSubmit=${submit}>
        ${isNew &&
        html`<label>${t("tokens.name")}<input name="name" required maxlength="64" pattern="[A-Za-z0-9._\\-]+" title=${t("tokens.name.hint")} autofocus /></label>`}
        <label>${t("tokens.note")}<textarea name="note" rows="2" defaultValue=${token.note ?? ""}></textarea></label>
        <label>${t("tokens.models")}<input name="models" defaultValue=${token.models?.join(", ") ?? ""} placeholder="Claude-*, GPT-5" onInput=${typed} /></label>
        <label class="check"><input type="checkbox" name="all" defaultChecked=${!token.models} />${t("tokens.models.every")}</label>
        <div class="grid-2">
          <label>${t("tokens.expires")}<input type="date" name="expires" defaultValue=${token.expires?.slice(0, 10) ?? ""} /></label>
          ${LIMITS.map(
            (name) => html`<label key=${name}>${t(`limit.${name}`)}<input type="number" min="0" step=${name.startsWith("points") ? "any" : 1} name=${name} defaultValue=${token[name] ?? ""} placeholder=${t("tokens.nolimit")} /></label>`,
          )}
        </div>
        <${ErrorNote} error=${error} />
        <footer>
          <button type="button" class="secondary" onClick=${onClose}>${t("cancel")}</button>
          <button type="submit">${isNew ? t("tokens.make") : t("save")}</button>
        </footer>
      </form>
    <//>
  `;
}

// Whoever names bots does not mean all of them.
function typed(event) {
  event.target.form.elements.all.checked = !event.target.value.trim();
}

// What was changed in the form: a field may show less than the rule says, such as a time of day.
// An emptied field takes the rule away.
function changes({ elements }, token) {
  const { all, models } = elements;
  const changed = [...elements].filter(
    ({ name, value, defaultValue }) => name && !["all", "models"].includes(name) && value !== defaultValue,
  );
  const body = Object.fromEntries(changed.map(({ name, value }) => [name, readField(name, value.trim())]));
  if (all.checked !== !token.models || (!all.checked && models.value !== models.defaultValue)) {
    body.models = all.checked ? null : models.value.split(",").map((each) => each.trim()).filter(Boolean);
  }
  return body;
}

function readField(name, text) {
  if (!text) return null;
  return LIMITS.includes(name) ? Number(text) : text;
}
