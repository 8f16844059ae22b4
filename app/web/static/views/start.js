// Start: the address, the key, a first question, and what to put into each client.

import { base, loadModels, models, USUAL, usual } from "../api.js";
import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { Icon } from "../icons.js";
import { CodeBlock, CopyButton, ErrorNote, KeyField, Note, PageHead, Tabs } from "../parts.js";
import { streamChat } from "../play/stream.js";
import { href } from "../router.js";
import { gateway, session, setToken } from "../session.js";
import { useStore } from "../store.js";
import { t } from "../strings.js";
import { CLIENTS } from "./clients.js";

const SMALL = ["Claude-Haiku-4.5", "GPT-5-mini"];

export default function Start() {
  const { token } = useStore(session);
  const { list, error } = useStore(models);
  const [chosen, setChosen] = useState(null); // what the user typed
  useEffect(() => void loadModels(), [token]);
  const names = useMemo(() => (token && list ? list.map((model) => model.id) : []), [token, list]);
  const offered = names.length ? names : gateway.demo_bots;
  const model = chosen ?? usual(offered, USUAL, offered[0]) ?? USUAL[0];
  return html`
    <${PageHead} title=${t("start.title")} lead=${t("start.lead")} />
    ${gateway.demo_bots.length > 0 && html`<${DemoNote} token=${token} />`}
    <div class="columns">
      <section class="card">
        <h2>${t("start.connect")}</h2>
        <${Address} label=${t("start.openai")} url="${base}/v1" />
        <${Address} label=${t("start.anthropic")} url=${base} />
        <${KeyField} />
        ${token && list && html`<p class="ok-line"><${Icon} name="check" />${t(gateway.mode === "token" ? "start.ready" : "start.listed", { count: list.length })}</p>`}
        <${ErrorNote} error=${token ? error : null} retry=${() => loadModels({ again: true })} />
      </section>
      <${Try} model=${model} offered=${offered} onModel=${setChosen} token=${token} />
    </div>
    <section>
      <h2>${t("start.clients")}</h2>
      <p class="lead">${t("start.clients.lead")}</p>
      <${Clients} model=${model} small=${usual(offered, SMALL, model)} token=${token} />
    </section>
  `;
}

const DemoNote = ({ token }) => html`
  <${Note} kind="info" icon="play">
    <p>
      ${t("start.demo")} ${gateway.mode === "pass-through" && t("start.demo.key")}${" "}
      ${!token &&
      gateway.mode === "pass-through" &&
      html`<button type="button" class="link" onClick=${() => setToken("any-key")}>${t("start.demo.use")}</button>`}
    </p>
    <p class="chips">
      ${gateway.demo_bots.map(
        (name) => html`<a key=${name} class="chip" href=${href("play", { model: name })}>${name}</a>`,
      )}
    </p>
  <//>
`;

const Address = ({ label, url }) => html`
  <div class="address">
    <span class="address-label">${label}</span>
    <code>${url}</code>
    <${CopyButton} text=${url} label=${t("copy.what", { what: label })} compact=${true} />
  </div>
`;

function Try({ model, offered, onModel, token }) {
  const [question, setQuestion] = useState(t("start.question"));
  const [answer, setAnswer] = useState({ text: "", error: null, running: false });
  const stop = useRef(null);
  useEffect(() => () => stop.current?.abort(), []);
  const ask = async (event) => {
    event.preventDefault();
    stop.current = new AbortController();
    let text = "";
    setAnswer({ text, error: null, running: true });
    try {
      const body = { model, messages: [{ role: "user", content: question }], stream: true };
      for await (const chunk of streamChat(body, stop.current.signal)) {
        text += chunk.choices?.[0]?.delta?.content ?? "";
        setAnswer({ text, error: null, running: true });
      }
      setAnswer({ text, error: null, running: false });
    } catch (error) {
      setAnswer({ text, error: error.name === "AbortError" ? null : error, running: false });
    }
  };
  return html`
    <section class="card try">
      <h2>${t("start.try")}</h2>
      <form onSubmit=${ask}>
        <div class="row">
          <label class="grow">
            ${t("model")}
            <input list="try-models" value=${model} onInput=${(event) => onModel(event.target.value.trim())} />
          </label>
          <datalist id="try-models">
            ${offered.slice(0, 400).map((name) => html`<option key=${name} value=${name} />`)}
          </datalist>
        </div>
        <div class="row">
          <label class="grow">
            ${t("question")}
            <input value=${question} onInput=${(event) => setQuestion(event.target.value)} required />
          </label>
          ${answer.running
            ? html`<button type="button" class="secondary" onClick=${() => stop.current.abort()}>${t("stop")}</button>`
            : html`<button type="submit" disabled=${!token || !model}>${t("ask")}</button>`}
        </div>
      </form>
      <div class="try-answer ${answer.text ? "" : "muted"}" role="region" aria-label=${t("answer")} tabindex="0" aria-busy=${answer.running}>
        ${answer.text || (answer.running ? t("waiting") : token ? t("start.try.empty") : t("start.try.key"))}
      </div>
      <${ErrorNote} error=${answer.error} />
      <p class="fine"><a href=${href("play", { model })}>${t("start.more")}</a></p>
    </section>
  `;
}

function Clients({ model, small, token }) {
  const [chosen, setChosen] = useState(CLIENTS[0].id);
  const client = CLIENTS.find((each) => each.id === chosen);
  const at = { base, model, small };
  const real = client.blocks({ ...at, key: token || "YOUR_KEY" });
  const shown = client.blocks({ ...at, key: token ? masked(token) : "YOUR_KEY" });
  return html`
    <${Tabs} label=${t("start.clients")} items=${CLIENTS} chosen=${chosen} onChoose=${setChosen} vertical=${true}>
      ${real.map((block, place) => html`<${CodeBlock} key=${block.title} ...${block} shown=${shown[place].text} />`)}
      <p class="fine">${token ? t("start.masked") : t("start.nokey")}</p>
    <//>
  `;
}

// Enough of a key to know it by, and not more.
const masked = (token) =>
  token.length < 12 ? "•".repeat(8) : `${token.slice(0, 3)}${"•".repeat(8)}${token.slice(-3)}`;
