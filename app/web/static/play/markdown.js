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

// Draws a growing text into an element. Blocks that are complete are drawn once and never
// touched again, so the cost of a step is that of the last block, not of the whole answer.
export class MarkdownView {
  constructor(element) {
    this._element = element;
    this._done = 0; // characters of the text that lie in finished blocks
    this._text = "";
    this._tail = []; // the nodes of the block that may still grow
    this._due = 0;
    this._timer = 0;
    element.addEventListener("click", onClick);
  }

  // Show the text; `final` says that it will not grow any more.
  update(said, final) {
    const text = said.includes("\r") ? said.replace(/\r\n?/g, "\n") : said;
    if (text === this._text && !final) return;
    if (!text.startsWith(this._text)) this._reset();
    this._text = text;
    clearTimeout(this._timer);
    const wait = this._due - performance.now();
    if (final || wait <= 0) this._draw(final);
    else this._timer = setTimeout(() => this._draw(false), wait);
  }

  _reset() {
    this._element.replaceChildren();
    this._done = 0;
    this._tail = [];
  }

  _draw(final) {
    const started = performance.now();
    const tokens = marked.lexer(this._text.slice(this._done));
    // The last block may grow; blank lines after a block belong to neither.
    const last = tokens.findLastIndex((token) => token.type !== "space");
    const growing = final ? tokens.length : Math.max(last, 0);
    this._tail.forEach((node) => node.remove());
    for (const token of tokens.slice(0, growing)) this._append(token, true, tokens.links);
    const complete = tokens.slice(0, growing).reduce((sum, token) => sum + token.raw.length, 0);
    this._done += complete;
    this._tail = tokens.slice(growing).flatMap((token) => this._append(token, false, tokens.links));
    // A long last block is drawn less often: at most a fifth of the time goes into drawing.
    this._due = performance.now() + (performance.now() - started) * 4;
  }

  _append(token, complete, links) {
    const one = [token];
    one.links = links;
    const fragment = DOMPurify.sanitize(marked.parser(one), ALLOWED);
    const nodes = [...fragment.childNodes];
    if (complete) fragment.querySelectorAll("code[class^=language-]").forEach(highlight);
    fragment.querySelectorAll(".media").forEach(showOwn);
    this._element.append(fragment);
    return nodes;
  }
}

function onClick(event) {
  const button = event.target.closest("button[data-act]");
  if (!button) return;
  if (button.dataset.act === "show") {
    show(button.closest(".media"));
    return;
  }
  const code = button.closest("figure").querySelector("code").textContent;
  import("../parts.js").then(({ copyText }) => copyText(code));
  button.textContent = t("copied");
  setTimeout(() => (button.textContent = t("copy")), 1500);
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

const MAX_HIGHLIGHTED = 40_000; // characters; beyond, colours cost more than they help

function highlight(code) {
  const language = code.className.replace("language-", "");
  const text = code.textContent;
  if (text.length > MAX_HIGHLIGHTED) return;
  const idle = window.requestIdleCallback ?? setTimeout;
  idle(async () => {
    const { default: hljs } = await import("../vendor/highlight.js");
    if (!hljs.getLanguage(language)) return;
    const { value } = hljs.highlight(text, { language, ignoreIllegals: true });
    code.replaceChildren(DOMPurify.sanitize(value, ALLOWED));
  });
}
