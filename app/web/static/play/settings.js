// What goes with a question: system prompt, the bot's own parameters, a schema, tools.

import { html, useId } from "../html.js";
import { t } from "../strings.js";
import { change } from "./conversation.js";

export function Settings({ state, model }) {
  const { parameters, system, schema, tools } = state;
  const values = parameters[state.model] ?? {};
  const set = (name, value) => {
    const { [name]: old, ...rest } = values;
    const next = value === undefined ? rest : { ...rest, [name]: value };
    change({ parameters: { ...parameters, [state.model]: next } });
  };
  return html`
    <div class="play-settings">
      <label>
        ${t("play.system")}
        <textarea rows="4" value=${system} placeholder=${t("play.system.hint")} onInput=${(event) => change({ system: event.target.value })}></textarea>
      </label>
      <fieldset>
        <legend>${t("play.parameters")}</legend>
        ${model?.parameters.length
          ? model.parameters.map(
              (parameter) => html`
                <${Parameter}
                  key=${`${state.model} ${parameter.name}`}
                  parameter=${parameter}
                  value=${values[parameter.name]}
                  onChange=${(value) => set(parameter.name, value)}
                />
              `,
            )
          : html`<p class="fine">${t("play.parameters.none")}</p>`}
      </fieldset>
      <details open=${Boolean(schema || tools)}>
        <summary>${t("play.developers")}</summary>
        <${JsonBox} label=${t("play.schema")} hint=${t("play.schema.hint")} value=${schema} onChange=${(text) => change({ schema: text })} valid=${isObject} />
        <${JsonBox} label=${t("play.tools")} hint=${t("play.tools.hint")} value=${tools} onChange=${(text) => change({ tools: text })} valid=${Array.isArray} />
      </details>
    </div>
  `;
}

// The control that a parameter's JSON schema calls for. An untouched one is not sent: the bot's
// own default holds.
function Parameter({ parameter, value, onChange }) {
  const { name, schema, default_value: usual, description } = parameter;
  const id = useId();
  const type = [schema.type].flat().find((each) => each !== "null");
  const props = { id, "aria-describedby": description ? `${id}-about` : undefined };
  const about = description && html`<small id="${id}-about">${description}</small>`;
  if (type === "boolean") {
    const checked = value ?? usual ?? false;
    return html`
      <div class="parameter">
        <label class="check"><input type="checkbox" role="switch" ...${props} checked=${checked} onChange=${(event) => onChange(event.target.checked)} />${name}</label>
        ${about}
      </div>
    `;
  }
  return html`
    <div class="parameter">
      <label for=${id}>${name}</label>
      ${schema.enum
        ? html`
            <select ...${props} onChange=${(event) => onChange(event.target.value === "" ? undefined : schema.enum[event.target.value])}>
              <option value="" selected=${value === undefined}>${usual == null ? t("play.default") : t("play.default.is", { value: usual })}</option>
              ${schema.enum.map((each, place) => html`<option key=${place} value=${place} selected=${each === value}>${String(each)}</option>`)}
            </select>
          `
        : type === "number" || type === "integer"
          ? html`
              <input
                type="number"
                ...${props}
                min=${schema.minimum}
                max=${schema.maximum}
                step=${schema.multipleOf ?? (type === "integer" ? 1 : "any")}
                value=${value ?? ""}
                placeholder=${usual ?? ""}
                onInput=${(event) => onChange(event.target.value === "" || !event.target.validity.valid ? undefined : event.target.valueAsNumber)}
              />
            `
          : html`<input ...${props} value=${value ?? ""} placeholder=${usual ?? ""} onInput=${(event) => onChange(event.target.value || undefined)} />`}
      ${about}
    </div>
  `;
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

// Why a text cannot be used, or null.
export function problemOf(text, valid) {
  if (!text.trim()) return null;
  try {
    return valid(JSON.parse(text)) ? null : t("play.json.shape");
  } catch (error) {
    return error.message;
  }
}

export const problems = ({ schema, tools }) =>
  problemOf(schema, isObject) ?? problemOf(tools, Array.isArray);

function JsonBox({ label, hint, value, onChange, valid }) {
  const id = useId();
  const problem = problemOf(value, valid);
  return html`
    <label for=${id}>${label}</label>
    <textarea
      id=${id}
      class="mono"
      rows="6"
      spellcheck="false"
      value=${value}
      aria-invalid=${value.trim() ? String(problem !== null) : undefined}
      aria-describedby="${id}-hint"
      onInput=${(event) => onChange(event.target.value)}
    ></textarea>
    <small id="${id}-hint">${problem ?? hint}</small>
  `;
}
