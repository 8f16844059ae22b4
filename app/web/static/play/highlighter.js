// A worker that colours code: its grammars take a tenth of a second to load, which would be seen
// as a pause in an answer that streams. Takes {id, text, language}, answers {id, html}.

import hljs from "../vendor/highlight.js";

addEventListener("message", ({ data: { id, text, language } }) => {
  if (!hljs.getLanguage(language)) return;
  postMessage({ id, html: hljs.highlight(text, { language, ignoreIllegals: true }).value });
});
