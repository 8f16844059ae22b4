// Models: the catalog as a table to search, filter and sort.

import { loadModels, models } from "../api.js";
import { compact, count, dash, perMillion, points } from "../format.js";
import { html, Fragment, useEffect, useMemo, useState } from "../html.js";
import { Icon } from "../icons.js";
import { Badge, Empty, ErrorNote, Fact, Loading, NeedsKey, PageHead } from "../parts.js";
import { href } from "../router.js";
import { session } from "../session.js";
import { useStore } from "../store.js";
import { t } from "../strings.js";

const NO_FILTERS = { text: "", output: "", context: 0, vision: false, tools: false, search: false, free: false };

export default function Models() {
  const { token } = useStore(session);
  const { list, error, loading } = useStore(models);
  const [filters, setFilters] = useState(NO_FILTERS);
  const [sort, setSort] = useState({ column: null, down: false });
  useEffect(() => void loadModels(), [token]);
  const rows = useMemo(() => (list ?? []).map(describe), [list]);
  const shown = useMemo(() => sorted(rows.filter(matches(filters)), sort), [rows, filters, sort]);
  if (!token) return html`<${PageHead} title=${t("nav.models")} /><${NeedsKey} />`;
  return html`
    <${PageHead} title=${t("nav.models")} lead=${t("models.lead")} />
    <${Filters} filters=${filters} onChange=${(patch) => setFilters({ ...filters, ...patch })} />
    <p class="fine" role="status">${list && t("models.count", { shown: shown.length, all: rows.length })}</p>
    <${ErrorNote} error=${error} retry=${() => loadModels({ again: true })} />
    ${loading && !list && html`<${Loading} />`}
    ${list && !shown.length && html`<${Empty} title=${t("models.none")}>
      <button type="button" class="secondary" onClick=${() => setFilters(NO_FILTERS)}>${t("models.clear")}</button>
    <//>`}
    ${shown.length > 0 && html`<${Table} rows=${shown} sort=${sort} onSort=${setSort} />`}
  `;
}

// The facts that the table shows and sorts by; null where the catalog does not tell.
export function describe(model) {
  const inputs = model.modalities?.input ?? [];
  const outputs = model.modalities?.output ?? [];
  const features = model.supported_features ?? [];
  const request = number(model.pricing?.request);
  const prices = [model.input_cost_per_token, model.output_cost_per_token, request];
  return {
    id: model.id,
    name: model.display_name ?? model.id,
    owner: model.owned_by,
    alias: model.alias_of,
    description: model.description,
    inputs,
    outputs,
    kind: outputs.find((kind) => kind !== "text") ?? (outputs.length ? "text" : null),
    context: model.context_length ?? null,
    maxOutput: model.max_output_tokens ?? null,
    input: model.input_cost_per_token ?? null,
    output: model.output_cost_per_token ?? null,
    request,
    created: model.created || null,
    tools: features.includes("tools"),
    search: features.includes("web_search"),
    free: prices.some((price) => price === 0) && prices.every((price) => !price),
    parameters: model.parameters,
    endpoints: model.supported_endpoints ?? [],
    found: `${model.id} ${model.display_name ?? ""} ${model.owned_by ?? ""}`.toLowerCase(),
  };
}

const number = (value) => {
  const read = value == null || value === "" ? NaN : Number(value);
  return Number.isFinite(read) ? read : null;
};

const matches = (filters) => (row) =>
  filters.text.toLowerCase().split(/\s+/).every((word) => row.found.includes(word)) &&
  (!filters.output || row.outputs.includes(filters.output)) &&
  (!filters.context || row.context >= filters.context) &&
  (!filters.vision || row.inputs.includes("image")) &&
  (!filters.tools || row.tools) &&
  (!filters.search || row.search) &&
  (!filters.free || row.free);

// What is not known comes last, whichever way the column is sorted.
function sorted(rows, { column, down }) {
  if (!column) return rows;
  const known = rows.filter((row) => row[column] != null);
  const order = (a, b) =>
    typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true, sensitivity: "base" }) : a - b;
  known.sort((one, other) => order(one[column], other[column]) * (down ? -1 : 1));
  return [...known, ...rows.filter((row) => row[column] == null)];
}

const Filters = ({ filters, onChange }) => html`
  <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
    <input
      type="search"
      aria-label=${t("models.search.field")}
      placeholder=${t("models.search.field")}
      value=${filters.text}
      onInput=${(event) => onChange({ text: event.target.value })}
    />
    <select aria-label=${t("models.output")} value=${filters.output} onChange=${(event) => onChange({ output: event.target.value })}>
      <option value="">${t("models.output.any")}</option>
      ${["text", "image", "audio", "video"].map((kind) => html`<option key=${kind} value=${kind}>${t(`kind.${kind}`)}</option>`)}
    </select>
    <select aria-label=${t("models.context")} value=${filters.context} onChange=${(event) => onChange({ context: Number(event.target.value) })}>
      <option value="0">${t("models.context.any")}</option>
      ${[32_000, 128_000, 200_000, 1_000_000].map(
        (least) => html`<option key=${least} value=${least}>${t("models.context.least", { count: compact(least) })}</option>`,
      )}
    </select>
    <div class="checks">
      ${["vision", "tools", "search", "free"].map(
        (name) => html`
          <label key=${name} class="check">
            <input type="checkbox" checked=${filters[name]} onChange=${(event) => onChange({ [name]: event.target.checked })} />
            ${t(`models.${name}`)}
          </label>
        `,
      )}
    </div>
  </form>
`;

const COLUMNS = [
  { name: "name", kind: "" },
  { name: "kind", kind: "wide-only" },
  { name: "context", kind: "number medium-only" },
  { name: "input", kind: "number" },
  { name: "output", kind: "number" },
  { name: "request", kind: "number wide-only" },
  { name: "created", kind: "number wide-only" },
];

const Table = ({ rows, sort, onSort }) => html`
  <div class="table-frame models" role="region" aria-label=${t("nav.models")} tabindex="0">
    <table>
      <thead>
        <tr>
          ${COLUMNS.map((column) => html`<${Heading} key=${column.name} ...${column} sort=${sort} onSort=${onSort} />`)}
          <th class="narrow-cell"><span class="hidden">${t("models.details")}</span></th>
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => html`<${Row} key=${row.id} row=${row} />`)}
      </tbody>
    </table>
  </div>
`;

function Heading({ name, kind, sort, onSort }) {
  const active = sort.column === name;
  // Numbers are first asked for from the largest, except prices.
  const first = name === "context" || name === "created";
  const press = () => {
    if (!active) onSort({ column: name, down: first });
    else if (sort.down === first) onSort({ column: name, down: !first });
    else onSort({ column: null, down: false });
  };
  return html`
    <th class=${kind} aria-sort=${active ? (sort.down ? "descending" : "ascending") : undefined}>
      <button type="button" class="sort" onClick=${press}>
        ${t(`models.column.${name}`)}<span class="arrow" aria-hidden="true">${active ? (sort.down ? "↓" : "↑") : ""}</span>
      </button>
    </th>
  `;
}

function Row({ row }) {
  const [open, setOpen] = useState(false);
  return html`
    <${Fragment}>
      <tr class=${open ? "open" : ""}>
        <th scope="row">
          <a href=${href("play", { model: row.id })}>${row.name}</a>
          <span class="row-tags">
            ${row.name !== row.id && html`<span class="fine">${row.id}</span>`}
            ${row.tools && html`<${Badge}>${t("models.tools")}<//>`}
            ${row.search && html`<${Badge}>${t("models.search.badge")}<//>`}
            ${row.free && html`<${Badge} kind="good">${t("models.free")}<//>`}
          </span>
        </th>
        <td class="wide-only">${flow(row)}</td>
        <td class="number medium-only">${compact(row.context)}</td>
        <td class="number">${perMillion(row.input)}</td>
        <td class="number">${perMillion(row.output)}</td>
        <td class="number wide-only">${points(row.request)}</td>
        <td class="number wide-only">${row.created ? new Date(row.created * 1000).toISOString().slice(0, 7) : dash}</td>
        <td class="narrow-cell">
          <button type="button" class="quiet chevron" aria-expanded=${open ? "true" : "false"} aria-label=${t("models.details.of", { name: row.name })} onClick=${() => setOpen(!open)}>
            <${Icon} name="chevron" />
          </button>
        </td>
      </tr>
      ${open && html`<tr class="details"><td colspan="8"><${Details} row=${row} /></td></tr>`}
    <//>
  `;
}

const kinds = (names) => names.map((kind) => t(`kind.${kind}`)).join(", ");
const flow = (row) =>
  row.inputs.length + row.outputs.length ? `${kinds(row.inputs) || dash} → ${kinds(row.outputs) || dash}` : dash;

const Details = ({ row }) => html`
  ${row.description && html`<p>${row.description}</p>`}
  <dl class="facts">
    <${Fact} name=${t("models.column.kind")}>${flow(row)}<//>
    <${Fact} name=${t("models.owner")}>${row.owner}<//>
    ${row.alias && html`<${Fact} name=${t("models.alias")}>${row.alias}<//>`}
    <${Fact} name=${t("models.column.context")}>${count(row.context)}<//>
    <${Fact} name=${t("models.column.request")}>${points(row.request)}<//>
    <${Fact} name=${t("models.maxoutput")}>${count(row.maxOutput)}<//>
    <${Fact} name=${t("models.endpoints")}>${row.endpoints.join(" ") || t("models.endpoints.ours")}<//>
  </dl>
  ${row.parameters.length > 0 &&
  html`
    <table class="plain">
      <caption>${t("models.parameters")}</caption>
      <tbody>
        ${row.parameters.map(
          (parameter) => html`
            <tr key=${parameter.name}>
              <th scope="row"><code>${parameter.name}</code></th>
              <td>${parameter.description ?? ""}</td>
              <td><code>${range(parameter)}</code></td>
            </tr>
          `,
        )}
      </tbody>
    </table>
  `}
  <p><a role="button" class="small" href=${href("play", { model: row.id })}>${t("models.play")}</a></p>
`;

function range({ schema, default_value: usual }) {
  const values = schema.enum
    ? schema.enum.join(" | ")
    : schema.minimum != null || schema.maximum != null
      ? `${schema.minimum ?? "…"} … ${schema.maximum ?? "…"}`
      : (schema.type ?? "");
  return usual == null ? values : `${values} = ${JSON.stringify(usual)}`;
}
