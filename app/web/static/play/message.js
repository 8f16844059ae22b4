// One message of the conversation.

import { bytes, count, milliseconds, points, usd } from "../format.js";
import { html, useLayoutEffect, useRef, useState } from "../html.js";
import { Icon } from "../icons.js";
import { CopyButton, ErrorNote } from "../parts.js";
import { t } from "../strings.js";
import { MarkdownView } from "./markdown.js";

export function Message({ message, model, last, running, onRetry, onResults }) {
  if (message.role === "user") return html`<${UserMessage} message=${message} />`;
  if (message.role === "tool") return html`<${ToolResult} message=${message} />`;
  const streaming = last && running;
  return html`
    <article class="message answer" aria-busy=${streaming ? "true" : "false"}>
      <h2 class="who">${message.model}</h2>
      ${message.reasoning && html`<${Reasoning} text=${message.reasoning} streaming=${streaming && !message.text} />`}
      ${message.text && html`<${Markdown} text=${message.text} final=${!streaming} />`}
      ${streaming && !message.text && !message.reasoning && html`<p class="pulse" role="status"><span class="hidden">${t("waiting")}</span></p>`}
      ${message.toolCalls.length > 0 &&
      html`<${ToolCalls} calls=${message.toolCalls} open=${last && !running} onResults=${onResults} />`}
      <${ErrorNote} error=${message.error} />
      <footer>
        ${!streaming &&
        html`
          <${Stats} message=${message} model=${model} />
          <span class="message-actions">
            ${message.text && html`<${CopyButton} text=${message.text} label=${t("play.copy")} compact=${true} />`}
            ${last && html`<button type="button" class="quiet" aria-label=${t("play.retry")} title=${t("play.retry")} onClick=${onRetry}><${Icon} name="retry" /></button>`}
          </span>
        `}
      </footer>
    </article>
  `;
}

const UserMessage = ({ message }) => html`
  <article class="message user">
    <h2 class="hidden">${t("play.you")}</h2>
    ${message.files?.length > 0 &&
    html`<ul class="files">${message.files.map((file) => html`<${FileTile} key=${file.name} file=${file} />`)}</ul>`}
    ${message.text && html`<p class="said">${message.text}</p>`}
  </article>
`;

// A file, with a picture of it where it is one. `onRemove` adds a button.
export const FileTile = ({ file, onRemove }) => html`
  <li class="file">
    ${file.type.startsWith("image/")
      ? html`<img src=${file.url} alt="" />`
      : html`<span class="file-icon"><${Icon} name="file" /></span>`}
    <span class="file-name">${file.name}<span class="fine">${bytes(file.size)}</span></span>
    ${onRemove &&
    html`<button type="button" class="quiet" aria-label=${t("file.remove", { name: file.name })} onClick=${onRemove}><${Icon} name="close" /></button>`}
  </li>
`;

function Markdown({ text, final }) {
  const element = useRef(null);
  const view = useRef(null);
  useLayoutEffect(() => {
    view.current ??= new MarkdownView(element.current);
    view.current.update(text, final);
  }, [text, final]);
  return html`<div class="markdown" ref=${element}></div>`;
}

const Reasoning = ({ text, streaming }) => html`
  <details class="reasoning">
    <summary>${streaming ? t("play.reasoning.now") : t("play.reasoning")}</summary>
    <p>${text}</p>
  </details>
`;

const ToolResult = ({ message }) => html`
  <article class="message tool">
    <h2 class="who">${t("play.result")}</h2>
    <pre tabindex="0"><code>${message.text}</code></pre>
  </article>
`;

// The calls of a bot; while they are the last word, their results can be typed in and sent.
function ToolCalls({ calls, open, onResults }) {
  const [results, setResults] = useState({});
  const send = (event) => {
    event.preventDefault();
    onResults(Object.fromEntries(calls.map((call) => [call.id, results[call.id] ?? ""])));
  };
  return html`
    <form class="calls" onSubmit=${send}>
      ${calls.map(
        (call) => html`
          <div key=${call.id} class="call">
            <code class="call-name">${call.name}</code>
            <pre tabindex="0" aria-label=${t("play.arguments", { name: call.name })}><code>${pretty(call.arguments)}</code></pre>
            ${open &&
            html`<label>${t("play.result.of", { name: call.name })}
              <textarea rows="2" class="mono" value=${results[call.id] ?? ""} onInput=${(event) => setResults({ ...results, [call.id]: event.target.value })}></textarea>
            </label>`}
          </div>
        `,
      )}
      ${open && html`<button type="submit" class="small">${t("play.result.send")}</button>`}
    </form>
  `;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Stats({ message, model }) {
  const { stats, stopped, finish } = message;
  if (!stats) return null;
  const cost = dollars(stats, model);
  const facts = [
    stopped && t("play.stopped"),
    finish === "length" && t("play.cut"),
    stats.completion != null && t("play.tokens", { prompt: count(stats.prompt), completion: count(stats.completion) }),
    stats.points != null && t("points.count", { count: points(stats.points, stats.estimated) }),
    stats.points == null && cost != null && `≈ ${usd(cost)}`,
    stats.firstToken != null && t("play.first", { time: milliseconds(stats.firstToken) }),
    stats.perSecond && t("play.rate", { count: count(Math.round(stats.perSecond)) }),
  ];
  return html`<p class="stats">${facts.filter(Boolean).map((fact) => html`<span key=${fact}>${fact}</span>`)}</p>`;
}

// What the catalog's prices make of the tokens; null where it has none.
function dollars({ prompt, completion }, model) {
  const { input_cost_per_token: input, output_cost_per_token: output } = model ?? {};
  if (prompt == null || (input == null && output == null)) return null;
  return prompt * (input ?? 0) + completion * (output ?? 0);
}
