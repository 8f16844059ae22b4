// Usage: what was asked and spent, as a chart and a table, and what is left of the budgets.

import { admin, ask, request } from "../api.js";
import { count, dash, dateTime, milliseconds, points } from "../format.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { Icon } from "../icons.js";
import { AdminGate, Choice, download, Empty, ErrorNote, Fact, Loading, Meter, NeedsKey, PageHead } from "../parts.js";
import { preferences, session } from "../session.js";
import { useLoaded, useStore } from "../store.js";
import { language, t } from "../strings.js";

const RANGES = { "24h": ["hour", 24], "7d": ["day", 7], "30d": ["day", 30], "90d": ["day", 90] };
const MEASURES = {
  points: (row) => row.points ?? 0,
  tokens: (row) => row.prompt_tokens + row.completion_tokens,
  requests: (row) => row.requests,
  errors: (row) => row.errors,
};

export default function Usage() {
  const state = useStore(session);
  const [chosen, setScope] = useState(null);
  const scope = chosen ?? (state.admin === "open" ? "all" : "own");
  const [range, setRange] = useState("7d");
  const [stack, setStack] = useState("model");
  const [picked, setMeasure] = useState(null);
  const [failure, setFailure] = useState(null); // of the CSV
  const by = scope === "own" ? "model" : stack;
  const path = usagePath(range, by);
  const ready = scope === "all" ? state.admin === "open" : Boolean(state.token);
  const { data, error, loading, reload } = useLoaded(
    async (signal) => (ready ? { usage: await fetchUsage(scope, path, signal), range, by } : null),
    [scope, path, ready, state.token, state.adminToken],
  );
  const measure = picked ?? (data && !data.usage.totals.points ? "tokens" : "points");
  const body = html`
    <div class="filters">
      <${Choice} label=${t("usage.range")} value=${range} onChange=${setRange} options=${Object.keys(RANGES).map((name) => [name, t(`usage.range.${name}`)])} />
      <${Choice} label=${t("usage.measure")} value=${measure} onChange=${setMeasure} options=${Object.keys(MEASURES).map((name) => [name, t(`usage.${name}`)])} />
      ${scope === "all" && html`<${Choice} label=${t("usage.stack")} value=${stack} onChange=${setStack} options=${[["model", t("usage.by.model")], ["token", t("usage.by.token")]]} />`}
    </div>
    <${ErrorNote} error=${error} retry=${reload} />
    <${ErrorNote} error=${failure} />
    ${loading && !data && html`<${Loading} />`}
    ${data && html`<${Report} ...${data} measure=${measure} />`}
    <${Budgets} scope=${scope} />
  `;
  return html`
    <${PageHead} title=${t("nav.usage")} lead=${t("usage.lead")}>
      ${ready && html`<button type="button" class="secondary" onClick=${() => saveCsv(scope, path).then(() => setFailure(null), setFailure)}><${Icon} name="download" />CSV</button>`}
    <//>
    ${state.admin !== "absent" &&
    html`<${Choice} label=${t("usage.scope")} value=${scope} onChange=${setScope} options=${[["own", t("usage.scope.own")], ["all", t("usage.scope.all")]]} />`}
    ${scope === "all" ? html`<${AdminGate}>${body}<//>` : state.token ? body : html`<${NeedsKey} />`}
  `;
}

function usagePath(range, by) {
  const [unit, number] = RANGES[range];
  const from = periods(unit, number)[0];
  return `/usage?${new URLSearchParams({ by: `${by},${unit}`, from: new Date(from * 1000).toISOString() })}`;
}

const fetchUsage = (scope, path, signal) =>
  scope === "all" ? admin(path, { signal }) : ask(`/v1${path}`, { signal });

async function saveCsv(scope, path) {
  const { token, adminToken } = session.get();
  const response = await request(`${scope === "all" ? "/admin" : "/v1"}${path}&format=csv`, {
    token: scope === "all" ? adminToken : token,
    accept: "text/csv",
  });
  download("poegate-usage.csv", await response.blob());
}

// The starts of the last `number` hours or days in UTC, in seconds, the current one included.
function periods(unit, number) {
  const length = unit === "hour" ? 3600 : 86400;
  const now = Math.floor(Date.now() / 1000 / length) * length;
  return Array.from({ length: number }, (_, place) => now - (number - 1 - place) * length);
}

function Report({ usage, range, by, measure }) {
  const { totals, data } = usage;
  return html`
    <dl class="figures">
      <${Fact} name=${t("usage.points")}>${points(totals.points, totals.points_estimated)}<//>
      <${Fact} name=${t("usage.tokens")}>${count(totals.prompt_tokens + totals.completion_tokens)}<//>
      <${Fact} name=${t("usage.requests")}>${count(totals.requests)}<//>
      <${Fact} name=${t("usage.errors")}>${count(totals.errors)}<//>
      <${Fact} name=${t("usage.first")}>${milliseconds(totals.first_token_ms)}<//>
    </dl>
    ${data.length
      ? html`
          <${Chart} rows=${data} range=${range} by=${by} measure=${measure} />
          <${Table} rows=${data} by=${by} />
        `
      : html`<${Empty} title=${t("usage.none")}><p>${t("usage.none.why")}</p><//>`}
  `;
}

const MOST_SERIES = 7;

// The rows as columns for the chart: the names with the largest sums, all others as one.
function seriesOf(rows, starts, unit, by, measure) {
  const value = MEASURES[measure];
  const sums = new Map();
  for (const row of rows) sums.set(row[by], (sums.get(row[by]) ?? 0) + value(row));
  const ranked = [...sums].sort((one, other) => other[1] - one[1]).map(([name]) => name);
  const named = ranked.slice(0, MOST_SERIES);
  const names = ranked.length > MOST_SERIES ? [...named, null] : named;
  const place = new Map(starts.map((start, at) => [start, at]));
  const values = names.map(() => starts.map(() => 0));
  for (const row of rows) {
    const at = place.get(Date.parse(row[unit]) / 1000);
    const series = named.includes(row[by]) ? named.indexOf(row[by]) : names.length - 1;
    if (at !== undefined) values[series][at] += value(row);
  }
  return { names, values };
}

function Chart({ rows, range, by, measure }) {
  const frame = useRef(null);
  const [hovered, setHovered] = useState(null);
  const { theme } = useStore(preferences);
  const [unit, number] = RANGES[range];
  const starts = periods(unit, number);
  const { names, values } = seriesOf(rows, starts, unit, by, measure);
  const show = measure === "points" ? points : count;
  const time = (at) =>
    unit === "hour"
      ? dateTime(at)
      : new Date(at * 1000).toLocaleDateString(language(), { dateStyle: "medium", timeZone: "UTC" });
  useEffect(() => {
    let chart = null;
    let gone = false;
    import("./chart.js").then(({ drawBars }) => {
      if (!gone) chart = drawBars(frame.current, { starts, values, unit, onHover: setHovered });
    });
    return () => {
      gone = true;
      chart?.destroy();
    };
  }, [rows, range, by, measure, theme]);
  const total = (at) => values.reduce((sum, column) => sum + column[at], 0);
  const all = starts.reduce((sum, _, at) => sum + total(at), 0);
  return html`
    <figure class="chart">
      <figcaption>
        <span class="chart-title">${t(`usage.${measure}`)}</span>
        <span class="chart-now">
          ${hovered == null ? t("usage.sum", { value: show(all) }) : `${time(starts[hovered])} · ${show(total(hovered))}`}
        </span>
      </figcaption>
      <div class="plot" ref=${frame} role="img" aria-label=${t("usage.chart", { measure: t(`usage.${measure}`), value: show(all) })}></div>
      <ul class="legend">
        ${names.map(
          (name, place) => html`
            <li key=${name}>
              <span class="swatch series-${place}"></span>${name === null ? t("usage.others") : name || dash}
              ${hovered != null && html`<span class="number">${show(values[place][hovered])}</span>`}
            </li>
          `,
        )}
      </ul>
    </figure>
  `;
}

function Table({ rows, by }) {
  const unit = ["hour", "day", "month"].find((each) => each in rows[0]);
  const newest = [...rows].reverse();
  const [all, setAll] = useState(false);
  const shown = all ? newest : newest.slice(0, 50);
  return html`
    <div class="table-frame" role="region" aria-label=${t("usage.table")} tabindex="0">
      <table>
        <thead>
          <tr>
            <th>${t(`usage.${unit}`)}</th>
            <th>${t(`usage.by.${by}`)}</th>
            ${["requests", "errors", "prompt", "completion", "points", "first"].map((name) => html`<th key=${name} class="number">${t(`usage.${name}`)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${shown.map(
            (row) => html`
              <tr key=${`${row[unit]} ${row[by]}`}>
                <td>${unit === "hour" ? dateTime(Date.parse(row.hour) / 1000) : row[unit]}</td>
                <td>${row[by] || dash}</td>
                <td class="number">${count(row.requests)}</td>
                <td class="number ${row.errors ? "bad-text" : ""}">${count(row.errors)}</td>
                <td class="number">${count(row.prompt_tokens)}</td>
                <td class="number">${count(row.completion_tokens)}</td>
                <td class="number">${points(row.points, row.points_estimated)}</td>
                <td class="number">${milliseconds(row.first_token_ms)}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
    ${newest.length > shown.length &&
    html`<button type="button" class="secondary" onClick=${() => setAll(true)}>${t("usage.all", { count: newest.length })}</button>`}
  `;
}

// What is left: of the asking token, or of every token that has a budget.
function Budgets({ scope }) {
  const { token, admin: state } = useStore(session);
  const { data } = useLoaded(async (signal) => {
    if (scope === "all") return (await admin("/tokens", { signal })).data.flatMap(budgetsOf);
    return limitsOf(await ask("/v1/key", { signal }));
  }, [scope, token, state]);
  if (!data?.length) return null;
  return html`
    <section>
      <h2>${t("usage.budgets")}</h2>
      <div class="meters">${data.map((each) => html`<${Meter} key=${each.label} ...${each} />`)}</div>
    </section>
  `;
}

const budgetsOf = (token) =>
  [
    ["day", token.points_today, token.points_per_day],
    ["month", token.points_this_month, token.points_per_month],
  ]
    .filter(([, , limit]) => limit != null)
    .map(([period, used, limit]) => ({
      label: `${token.name}, ${t(`usage.left.${period}`)}`,
      used: used ?? 0,
      limit,
      text: t("usage.left", { used: points(used ?? 0), limit: points(limit) }),
    }));

const limitsOf = ({ limits }) =>
  Object.entries(limits ?? {})
    .filter(([, limit]) => limit != null)
    .map(([name, { limit, used, in_use, remaining }]) => {
      const taken = used ?? in_use ?? limit - remaining;
      const show = name.startsWith("points") ? points : count;
      return {
        label: t(`limit.${name}`),
        used: taken,
        limit,
        text: t("usage.left", { used: show(taken), limit: show(limit) }),
      };
    });
