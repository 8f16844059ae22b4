// Where the next message is written: text, and files by choice, drop or paste.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { Icon } from "../icons.js";
import { ErrorNote } from "../parts.js";
import { t } from "../strings.js";
import { readFiles } from "./attachments.js";
import { FileTile } from "./message.js";

export function Composer({ draft, onDraft, files, onFiles, running, blocked, onSend, onStop }) {
  const [error, setError] = useState(null);
  const field = useRef(null);
  const chooser = useRef(null);
  useLayoutEffect(() => {
    const { style } = field.current;
    style.height = "auto";
    style.height = `${Math.min(field.current.scrollHeight, 220)}px`;
  }, [draft]);

  const add = async (list) => {
    try {
      const read = await readFiles(list);
      setError(null);
      onFiles((old) => [...old, ...read]);
    } catch (failure) {
      setError(failure);
    }
  };
  const ready = !blocked && !running && (draft.trim() || files.length > 0);
  const submit = (event) => {
    event.preventDefault();
    if (ready) onSend();
  };
  const press = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  };
  const paste = (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    add(event.clipboardData.files);
  };
  // Anywhere on the page: a browser would else leave it for a file that misses the box.
  const [dropping, setDropping] = useState(false);
  useEffect(() => {
    const over = (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setDropping(true);
    };
    const leave = (event) => event.relatedTarget || setDropping(false);
    const drop = (event) => {
      setDropping(false);
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      add(event.dataTransfer.files);
    };
    const listeners = { dragover: over, dragleave: leave, drop };
    for (const [name, listen] of Object.entries(listeners)) addEventListener(name, listen);
    return () => {
      for (const [name, listen] of Object.entries(listeners)) removeEventListener(name, listen);
    };
  }, []);
  return html`
    <form class="composer ${dropping ? "dropping" : ""}" onSubmit=${submit}>
      <${ErrorNote} error=${error} />
      ${files.length > 0 &&
      html`<ul class="files">
        ${files.map((file, place) => html`<${FileTile} key=${place} file=${file} onRemove=${() => onFiles((old) => old.filter((_, at) => at !== place))} />`)}
      </ul>`}
      <div class="composer-box">
        <input ref=${chooser} type="file" multiple hidden onChange=${(event) => (add(event.target.files), (event.target.value = ""))} />
        <button type="button" class="quiet" aria-label=${t("file.add")} title=${t("file.add")} onClick=${() => chooser.current.click()}>
          <${Icon} name="attach" />
        </button>
        <textarea
          ref=${field}
          rows="1"
          aria-label=${t("play.message")}
          placeholder=${t("play.placeholder")}
          value=${draft}
          onInput=${(event) => onDraft(event.target.value)}
          onKeyDown=${press}
          onPaste=${paste}
        ></textarea>
        ${running
          ? html`<button type="button" class="round" aria-label=${t("stop")} title=${t("stop")} onClick=${onStop}><${Icon} name="stop" /></button>`
          : html`<button type="submit" class="round" aria-label=${t("play.send")} title=${t("play.send")} disabled=${!ready}><${Icon} name="send" /></button>`}
      </div>
    </form>
  `;
}
