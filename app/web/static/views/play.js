// Play: a conversation with any bot.

import { isDemo, loadModels, models, USUAL, usual } from "../api.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { Icon } from "../icons.js";
import { CodeBlock, Dialog, download, Empty, ErrorNote, NeedsKey, PageHead, Tabs } from "../parts.js";
import { Composer } from "../play/composer.js";
import { change, clear, conversation, draft, retry, send, sendResults, stop } from "../play/conversation.js";
import { asCode, asJson, asMarkdown } from "../play/export.js";
import { Message } from "../play/message.js";
import { Picker } from "../play/picker.js";
import { problems, Settings } from "../play/settings.js";
import { replace } from "../router.js";
import { session } from "../session.js";
import { useStore } from "../store.js";
import { t } from "../strings.js";

export default function Play({ query }) {
  const { token } = useStore(session);
  const { list, error } = useStore(models);
  const state = useStore(conversation);
  const { text, files } = useStore(draft);
  const [panel, setPanel] = useState(null); // "settings" | "code"
  const asked = query.get("model");
  useEffect(() => void loadModels(), [token]);
  useEffect(() => void (asked && change({ model: asked })), [asked]);
  useEffect(() => {
    if (state.ready && !state.model && !asked && list?.length) change({ model: usual(namesIn(list), USUAL, list[0].id) });
  }, [state.ready, list]);

  if (!token) return html`<${PageHead} title=${t("nav.play")} /><${NeedsKey} />`;
  const model = list?.find((each) => each.id === state.model);
  const write = (words) => draft.set({ text: words });
  const choose = (name) => {
    change({ model: name });
    if (asked) replace("play", { model: name }); // else a reload would choose the one asked for again
  };
  const problem = problems(state);
  const ask = () => {
    send(text.trim(), files);
    draft.set({ text: "", files: [] });
  };
  return html`
    <h1 class="hidden">${t("nav.play")}</h1>
    <div class="play">
      <div class="play-bar">
        <${Picker} models=${list ?? []} value=${state.model} onChoose=${choose} />
        <${Actions} state=${state} onPanel=${setPanel} />
      </div>
      <${ErrorNote} error=${error} retry=${() => loadModels({ again: true })} />
      <${Messages} state=${state} list=${list} onExample=${write} />
      <div class="play-foot">
        ${problem && html`<p class="fine bad-text" role="alert">${t("play.json.problem", { problem })}</p>`}
        <${Composer}
          draft=${text}
          onDraft=${write}
          files=${files}
          onFiles=${(next) => draft.set(({ files: old }) => ({ files: next(old) }))}
          running=${state.running}
          blocked=${!state.model || problem !== null}
          onSend=${ask}
          onStop=${stop}
        />
      </div>
      <aside class="play-side" aria-label=${t("play.settings")}><${Settings} state=${state} model=${model} /></aside>
      ${panel === "settings" &&
      html`<${Dialog} title=${t("play.settings")} onClose=${() => setPanel(null)}><${Settings} state=${state} model=${model} /><//>`}
      ${panel === "code" && html`<${Code} state=${state} draft=${text} onClose=${() => setPanel(null)} />`}
    </div>
  `;
}

const namesIn = (list) => list.map((model) => model.id);

function Actions({ state, onPanel }) {
  const some = state.messages.length > 0;
  const date = new Date().toISOString().slice(0, 10);
  const menu = useRef(null);
  const save = (name, text, type) => {
    download(name, text, type);
    menu.current.open = false;
  };
  return html`
    <div class="play-actions">
      <button type="button" class="quiet only-narrow" aria-label=${t("play.settings")} onClick=${() => onPanel("settings")}><${Icon} name="settings" /></button>
      <button type="button" class="quiet" onClick=${() => onPanel("code")} aria-label=${t("play.code")} title=${t("play.code")} disabled=${problems(state) !== null}><${Icon} name="code" /></button>
      <details class="menu" ref=${menu} onKeyDown=${(event) => event.key === "Escape" && (menu.current.open = false)}>
        <summary role="button" class="quiet" aria-label=${t("play.export")} title=${t("play.export")}><${Icon} name="download" /></summary>
        <div class="menu-items">
          <button type="button" disabled=${!some} onClick=${() => save(`poegate-${date}.md`, asMarkdown(state), "text/markdown")}>Markdown</button>
          <button type="button" disabled=${!some} onClick=${() => save(`poegate-${date}.json`, asJson(state), "application/json")}>JSON</button>
        </div>
      </details>
      <button type="button" class="quiet" onClick=${clear} aria-label=${t("play.new")} title=${t("play.new")} disabled=${!some}><${Icon} name="plus" /></button>
    </div>
  `;
}

// The messages. The view follows a streaming answer as long as its end is in sight.
function Messages({ state, list, onExample }) {
  const frame = useRef(null);
  const following = useRef(true);
  const { messages, running } = state;
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = frame.current;
    following.current = scrollHeight - scrollTop - clientHeight < 80;
  };
  useLayoutEffect(() => {
    if (messages.at(-1)?.role === "assistant" && messages.at(-1).text === "") following.current = true;
    if (following.current) frame.current.scrollTop = frame.current.scrollHeight;
  }, [messages, running]);
  // Pictures and late drawing change the height after the message did.
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (following.current && frame.current) frame.current.scrollTop = frame.current.scrollHeight;
    });
    observer.observe(frame.current.firstElementChild);
    return () => observer.disconnect();
  }, []);
  return html`
    <div class="messages" ref=${frame} onScroll=${scrolled} tabindex="0" role="log" aria-live="off" aria-label=${t("play.conversation")}>
      <div class="messages-column">
        ${state.ready && !messages.length && html`<${Welcome} model=${state.model} onExample=${onExample} />`}
        ${messages.map(
          (message, place) => html`
            <${Message}
              key=${message.id}
              message=${message}
              model=${list?.find((each) => each.id === message.model)}
              last=${place === messages.length - 1}
              running=${running}
              onRetry=${retry}
              onResults=${sendResults}
            />
          `,
        )}
      </div>
      <p class="hidden" role="status">${!running && messages.at(-1)?.role === "assistant" ? t("play.done") : ""}</p>
    </div>
  `;
}

const Welcome = ({ model, onExample }) => html`
  <${Empty} title=${model ? t("play.welcome", { model }) : t("play.welcome.none")}>
    <p>${isDemo(model) ? t("play.welcome.demo") : t("play.welcome.lead")}</p>
    <p class="chips">
      ${["play.example.1", "play.example.2", "play.example.3"].map(
        (name) => html`<button type="button" key=${name} class="chip" onClick=${() => onExample(t(name))}>${t(name)}</button>`,
      )}
    </p>
  <//>
`;

function Code({ state, draft, onClose }) {
  const [chosen, setChosen] = useState("curl");
  const variants = asCode(state, draft);
  return html`
    <${Dialog} title=${t("play.code")} onClose=${onClose} wide=${true}>
      <${Tabs} label=${t("play.code")} items=${variants} chosen=${chosen} onChoose=${setChosen}>
        <${CodeBlock} title=${variants.find((each) => each.id === chosen).name} text=${variants.find((each) => each.id === chosen).text} />
      <//>
    <//>
  `;
}
