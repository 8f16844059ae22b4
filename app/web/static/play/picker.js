// Choose a bot: a combobox after WAI-ARIA's pattern, with the list filtered as one types.

import { compact, perMillion, points } from "../format.js";
import { html, useEffect, useId, useMemo, useRef, useState } from "../html.js";
import { t } from "../strings.js";
import { describe } from "../views/models.js";

const MOST_SHOWN = 60;

export function Picker({ models, value, onChoose }) {
  const id = useId();
  const field = useRef(null);
  const [text, setText] = useState(null); // null: closed, the chosen bot is shown
  const [active, setActive] = useState(0);
  const rows = useMemo(() => models.map(describe), [models]);
  const open = text !== null;
  const words = (text ?? "").toLowerCase().split(/\s+/);
  const found = open ? rows.filter((row) => words.every((word) => row.found.includes(word))) : [];
  const shown = found.slice(0, MOST_SHOWN);
  useEffect(() => {
    document.getElementById(`${id}-${active}`)?.scrollIntoView({ block: "nearest" });
  }, [active, open]);

  const choose = (name) => {
    setText(null);
    if (name) onChoose(name);
  };
  const press = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step && !open) {
      event.preventDefault();
      setText("");
    } else if (step) {
      event.preventDefault();
      setActive(Math.max(0, Math.min(shown.length - 1, active + step)));
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      choose(shown[active]?.id ?? text.trim()); // a name that the list lacks may still be asked
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      setText(null);
    }
  };
  return html`
    <div class="picker">
      <label for=${id}>${t("bot")}</label>
      <input
        ref=${field}
        id=${id}
        role="combobox"
        aria-expanded=${open ? "true" : "false"}
        aria-controls="${id}-list"
        aria-autocomplete="list"
        aria-activedescendant=${open && shown.length ? `${id}-${active}` : undefined}
        autocomplete="off"
        spellcheck="false"
        placeholder=${value || t("bot.choose")}
        value=${text ?? value}
        onFocus=${(event) => event.target.select()}
        onClick=${() => open || (setText(""), setActive(0))}
        onInput=${(event) => (setText(event.target.value), setActive(0))}
        onKeyDown=${press}
        onBlur=${() => setText(null)}
      />
      <ul id="${id}-list" role="listbox" aria-label=${t("bot")} hidden=${!open}>
        ${shown.map(
          (row, place) => html`
            <li
              key=${row.id}
              id="${id}-${place}"
              role="option"
              aria-selected=${place === active ? "true" : "false"}
              onMouseDown=${(event) => (event.preventDefault(), choose(row.id))}
              onMouseMove=${() => setActive(place)}
            >
              <span>${row.id}</span><span class="fine">${price(row)}</span>
            </li>
          `,
        )}
        ${open && found.length > shown.length && html`<li class="fine" role="presentation">${t("bot.more", { count: found.length - shown.length })}</li>`}
        ${open && !found.length && html`<li class="fine" role="presentation">${t("bot.none")}</li>`}
      </ul>
    </div>
  `;
}

function price(row) {
  if (row.free) return t("models.free");
  if (row.output != null) return `${perMillion(row.input)} / ${perMillion(row.output)}`;
  if (row.request != null) return t("points.count", { count: points(row.request) });
  return row.context ? compact(row.context) : "";
}
