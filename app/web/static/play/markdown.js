// An answer as markdown, drawn while it streams.
//
// What a bot writes is hostile: its HTML stays text, what the renderer makes of its markdown goes
// through DOMPurify, and nothing is loaded from another host before the user has asked for it.

import DOMPurify from "../vendor/dompurify.js";
import { Marked } from "../vendor/marked.js";
import { t } from "../strings.js";

const MEDIA = {
  image: /\.(png|jpe?g|gif|webp|avif|svg|bmp)$/i,
  audio: /\.(mp3|wav|ogg|oga|flac|m4a|aac|opus)$/i,
  video: /\.(mp4|webm|mov|m4v|ogv|avi|mkv)$/i,
};

const ALLOWED = {
  ALLOWED_TAGS: [
    "a", "blockquote", "br", "button", "code", "del", "div", "em", "figcaption", "figure", "h1", "h2",
    "h3", "h4", "h5", "h6", "hr", "input", "li", "ol", "p", "pre", "span", "strong", "table", "tbody",
    "td", "th", "thead", "tr", "ul",
  ],
  ALLOWED_ATTR: [
    "align", "aria-label", "checked", "class", "data-act", "data-kind", "data-name", "data-url",
    "disabled", "href", "rel", "start", "tabindex", "target", "title", "type",
  ],
  ALLOW_DATA_ATTR: false,
  ADD_URI_SAFE_ATTR: ["data-name", "data-url"], // of the renderer below, which has checked them
  RETURN_DOM_FRAGMENT: true,
};

const escape = (text) =>
  text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);

const webAddress = (href) => {
  try {
    const url = new URL(href);
    return ["http:", "https:"].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
};

const renderer = {
  html: ({ text }) => escape(text),
  code({ text, lang }) {
    const language = (lang ?? "").match(/^[\w+#.-]+/)?.[0] ?? "";
    return `<figure class="code"><figcaption><span>${escape(language || t("code"))}</span><button type="button" class="quiet" data-act="copy">${escape(t("copy"))}</button></figcaption><pre tabindex="0"><code class="${language ? `language-${escape(language)}` : ""}">${escape(text)}</code></pre></figure>`;
  },
  image: ({ href, text }) => media("image", href, text),
  link({ href, text, tokens }) {
    const label = this.parser.parseInline(tokens);
    const url = webAddress(href);
    if (!url) return href.startsWith("mailto:") ? link(href, label) : label;
    const kind = ["audio", "video"].find(
      (each) => MEDIA[each].test(url.pathname) || MEDIA[each].test(text),
    );
    return kind ? media(kind, href, text) : link(href, label);
  },
  table(token) {
    const row = (cells, tag) =>
      `<tr>${cells.map((cell) => `<${tag}${cell.align ? ` align="${cell.align}"` : ""}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join("")}</tr>`;
    return `<div class="table-frame" tabindex="0"><table><thead>${row(token.header, "th")}</thead><tbody>${token.rows.map((cells) => row(cells, "td")).join("")}</tbody></table></div>`;
  },
};

const link = (href, label) =>
  `<a href="${escape(href)}" target="_blank" rel="noopener noreferrer nofollow">${label}</a>`;

// A file that is not loaded yet: its name, its host, and a button that loads it.
function media(kind, href, text) {
  const url = webAddress(href);
  const inline = kind === "image" && /^data:image\/(png|jpeg|gif|webp|avif);/i.test(href);
  if (!url && !inline) return escape(text || "");
  const name = escape(text || url?.pathname.split("/").pop() || t(`kind.${kind}`));
  const host = url ? escape(url.host) : "";
  return `<span class="media" data-kind="${kind}" data-name="${name}" data-url="${escape(href)}"><span class="media-name">${name}</span><span class="media-host">${host}</span><button type="button" data-act="show">${escape(t(`media.show.${kind}`))}</button></span>`;
}

const marked = new Marked({ gfm: true, breaks: true, renderer });

DOMPurify.setConfig(ALLOWED);

const WINDOW = 16_000; // characters read at once, unless a block is longer
const QUICK = 20; // milliseconds of reading, after which twice as much may be read at once
const CHUNK = 60; // blocks drawn at once, and kept in one element
const LONG_LIST = 40; // items

// Draws a growing text into an element. Blocks that are complete are drawn once and never
// touched again, so a step costs what the last block costs, not the whole answer. A text that
// comes at once, or faster than it can be drawn, is drawn in steps of bounded size, one a frame.
// Blocks lie in chunks, of which the browser lays out only those in sight (app.css).
export class MarkdownView {
  constructor(element) {
    this._element = element;
    this._text = "";
    this._final = false; // the text will not grow any more
    this._done = 0; // characters of it that lie in blocks drawn for good
    this._window = WINDOW;
    this._chunk = null; // the element for the next blocks, and how many it has
    this._blocks = 0;
    this._tail = []; // the nodes of the block that may still grow
    this._due = 0; // when the tail may be drawn again
    this._waiting = false;
    element.addEventListener("click", onClick);
  }

  update(said, final) {
    const text = said.includes("\r") ? said.replace(/\r\n?/g, "\n") : said;
    if (text === this._text && final === this._final) return;
    if (!text.startsWith(this._text)) this._reset();
    this._text = text;
    this._final = final;
    if (!this._waiting) this._stepAt(final ? 0 : this._due);
  }

  _reset() {
    this._element.replaceChildren();
    this._done = 0;
    this._chunk = null;
    this._tail = [];
  }

  _stepAt(due) {
    const wait = due - performance.now();
    this._waiting = wait > 0;
    if (this._waiting) setTimeout(() => this._step(), wait);
    else this._step();
  }

  _step() {
    const started = performance.now();
    this._waiting = false;
    const rest = this._text.slice(this._done, this._done + this._window);
    const cut = this._done + rest.length < this._text.length;
    let { complete, growing } = divide(blocks(rest), this._final && !cut);
    if (cut && complete.length === 0) {
      // One block is longer than the window. Some take time by the square of their length.
      if (performance.now() - started < QUICK) {
        this._window *= 2;
        this._nextFrame();
        return;
      }
      complete = [verbatim(rest)];
    }
    this._tail.forEach((node) => node.remove());
    if (!this._chunk || this._blocks >= CHUNK) this._nextChunk();
    const now = complete.slice(0, CHUNK - this._blocks);
    this._blocks += now.length;
    this._append(now, true);
    this._done += now.reduce((sum, token) => sum + token.raw.length, 0);
    if (now.length) this._window = WINDOW;
    if (cut || now.length < complete.length) {
      this._tail = [];
      this._nextFrame();
      return;
    }
    this._tail = this._append(growing, false);
    void this._element.offsetHeight; // the layout belongs to the cost
    // A long last block is drawn less often: at most a fifth of the time goes into drawing it.
    this._due = performance.now() + (performance.now() - started) * 4;
  }

  _nextChunk() {
    this._chunk = document.createElement("div");
    this._blocks = 0;
    this._element.append(this._chunk);
  }

  _nextFrame() {
    this._waiting = true;
    requestAnimationFrame(() => this._step());
  }

  _append(tokens, complete) {
    if (!tokens.length) return [];
    const fragment = DOMPurify.sanitize(drawn(tokens));
    const nodes = [...fragment.childNodes];
    if (complete) fragment.querySelectorAll("code[class^=language-]").forEach(highlight);
    fragment.querySelectorAll(".media").forEach(showOwn);
    this._chunk.append(fragment);
    return nodes;
  }
}

// A block that shows a text as it stands. Where blocks lie in each other by the thousand, the
// renderer's stack overflows: they are shown so.
const verbatim = (raw) => ({ type: "code", raw, text: raw });

function blocks(text) {
  try {
    return marked.lexer(text);
  } catch {
    return [verbatim(text)];
  }
}

function drawn(tokens) {
  try {
    return marked.parser(tokens);
  } catch {
    return marked.parser([verbatim(tokens.map((token) => token.raw).join(""))]);
  }
}

// The blocks that nothing can change any more, and the last one, which may still grow.
function divide(tokens, final) {
  if (final) return { complete: tokens, growing: [] };
  const last = tokens.findLastIndex((token) => token.type !== "space");
  if (last < 0) return { complete: [], growing: tokens };
  const complete = tokens.slice(0, last);
  const token = tokens[last];
  if (token.type === "list" && token.items.length > LONG_LIST) {
    // Its items are complete too, all but the last.
    const items = token.items.slice(0, -1);
    const raw = items.map((item) => item.raw).join("");
    if (token.raw.startsWith(raw)) {
      const open = { ...token, items: token.items.slice(-1), raw: token.raw.slice(raw.length) };
      if (token.ordered) open.start = token.start + items.length;
      return { complete: [...complete, { ...token, items, raw }], growing: [open] };
    }
  }
  return { complete, growing: tokens.slice(last) };
}

function onClick(event) {
  const button = event.target.closest("button[data-act]");
  if (!button) return;
  if (button.dataset.act === "show") {
    show(button.closest(".media"));
    return;
  }
  const code = button.closest("figure").querySelector("code").textContent;
  import("../parts.js")
    .then(({ copyText }) => copyText(code))
    .then(() => {
      button.textContent = t("copied");
      setTimeout(() => (button.textContent = t("copy")), 1500);
    });
}

// What needs no other host is shown at once.
function showOwn(place) {
  const { url, kind } = place.dataset;
  if (kind === "image" && (url.startsWith("data:") || new URL(url).origin === location.origin)) show(place);
}

function show(place) {
  const { kind, name, url } = place.dataset;
  const tag = { image: "img", audio: "audio", video: "video" }[kind];
  const element = document.createElement(tag);
  element.referrerPolicy = "no-referrer";
  element.src = url;
  if (kind === "image") element.alt = name;
  else {
    element.controls = true;
    element.setAttribute("aria-label", name);
  }
  const caption = document.createElement("span");
  caption.className = "media-caption";
  const original = document.createElement("a");
  Object.assign(original, { href: url, target: "_blank", rel: "noopener noreferrer", textContent: name });
  caption.append(original);
  element.onerror = () => element.replaceWith(t("media.failed"));
  place.classList.add("shown");
  place.replaceChildren(element, caption);
}

const MAX_HIGHLIGHTED = 100_000; // characters; beyond, colours cost more than they help

let highlighter = null; // a worker, from the first code on
const waiting = []; // the elements that were sent to it; their place is their id

function highlight(code) {
  const text = code.textContent;
  if (text.length > MAX_HIGHLIGHTED) return;
  if (!highlighter) {
    highlighter = new Worker(new URL("./highlighter.js", import.meta.url), { type: "module" });
    highlighter.addEventListener("message", ({ data: { id, html } }) => {
      waiting[id].replaceChildren(DOMPurify.sanitize(html));
      delete waiting[id];
    });
  }
  const id = waiting.push(code) - 1;
  highlighter.postMessage({ id, text, language: code.className.replace("language-", "") });
}
