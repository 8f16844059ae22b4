// Requests: the last 1,000, live. What was asked and answered is never among it.

import { admin } from "../api.js";
import { bytes, count, dash, dateTime, milliseconds, moment, points } from "../format.js";
import { Fragment, html, useEffect, useRef, useState } from "../html.js";
import { AdminGate, Badge, Empty, ErrorNote, Fact, PageHead } from "../parts.js";
import { t } from "../strings.js";

const MOST = 1000;
const EVERY = 2000; // milliseconds
const TYPING = 200; // milliseconds that a filter must stay as it is
const NO_FILTERS = { status: "", model: "", token: "", key: "" };

export default function Requests() {
  return html`<${AdminGate}><${List} /><//>`;
}

function List() {
  const [filters, setFilters] = useState(NO_FILTERS);
  const [live, setLive] = useState(true);
  const { rows, error, reload } = useRequests(filters, live);
  const change = (name) => (event) => setFilters({ ...filters, [name]: event.target.value.trim() });
  return html`
    <${PageHead} title=${t("nav.requests")} lead=${t("requests.lead")}>
      <button type="button" class="secondary" aria-pressed=${live ? "true" : "false"} onClick=${() => setLive(!live)}>
        <span class="dot ${live ? "live" : ""}"></span>${live ? t("requests.live") : t("requests.paused")}
      </button>
    <//>
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <select aria-label=${t("requests.status")} value=${filters.status} onChange=${change("status")}>
        <option value="">${t("requests.status.any")}</option>
        ${["errors", "2xx", "4xx", "5xx", "401", "402", "403", "404", "429", "502", "529"].map(
          (status) => html`<option key=${status} value=${status}>${status === "errors" ? t("requests.errors") : status}</option>`,
        )}
      </select>
      <input aria-label=${t("model")} placeholder=${t("model")} value=${filters.model} onInput=${change("model")} />
      <input aria-label=${t("requests.token")} placeholder=${t("requests.token")} value=${filters.token} onInput=${change("token")} />
      <input aria-label=${t("requests.key")} placeholder=${t("requests.key")} type="number" min="1" value=${filters.key} onInput=${change("key")} />
    </form>
    <${ErrorNote} error=${error} retry=${reload} />
    ${rows && !rows.length && html`<${Empty} title=${t("requests.none")} />`}
    ${rows?.length > 0 && html`<${Table} rows=${rows} />`}
  `;
}

// The rows that match, the newest first; asked again for what is new while `live`.
function useRequests(filters, live) {
  const [state, setState] = useState({ rows: null, error: null });
  const [round, setRound] = useState(0);
  const newest = useRef(null);
  const reload = () => setRound((number) => number + 1);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    let timer = 0;
    newest.current = null;
    const poll = async () => {
      try {
        const query = { ...queryOf(filters), limit: MOST, ...(newest.current && { after: newest.current }) };
        if (document.hidden && newest.current) return;
        const { data, latest } = await admin(`/requests?${new URLSearchParams(query)}`, { signal });
        if (newest.current > latest) return reload(); // the ledger was begun anew, and its numbers
        const first = newest.current === null;
        newest.current = data[0]?.seq ?? newest.current ?? 0;
        if (first || data.length) {
          setState((old) => ({ rows: [...data, ...(first ? [] : old.rows)].slice(0, MOST), error: null }));
        }
      } catch (error) {
        if (!signal.aborted) setState((old) => ({ ...old, error }));
      } finally {
        if (live && !signal.aborted) timer = setTimeout(poll, EVERY);
      }
    };
    timer = setTimeout(poll, TYPING);
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [filters, live, round]);
  return { ...state, reload };
}

function queryOf({ status, ...rest }) {
  const query = Object.fromEntries(Object.entries(rest).filter(([, value]) => value));
  if (status === "errors") query.errors = "true";
  else if (status) query.status = status;
  return query;
}

const COLUMNS = ["time", "model", "token", "status", "first", "total", "tokens", "points"];
const NUMBERS = new Set(["first", "total", "tokens", "points"]);

const Table = ({ rows }) => html`
  <div class="table-frame requests" role="region" aria-label=${t("nav.requests")} tabindex="0">
    <table>
      <thead>
        <tr>${COLUMNS.map((name) => html`<th key=${name} class=${NUMBERS.has(name) ? "number" : ""}>${t(`requests.${name}`)}</th>`)}</tr>
      </thead>
      <tbody>${rows.map((row) => html`<${Row} key=${row.seq} row=${row} />`)}</tbody>
    </table>
  </div>
`;

function Row({ row }) {
  const [open, setOpen] = useState(false);
  return html`
    <${Fragment}>
      <tr class=${open ? "open" : ""}>
        <td>
          <button type="button" class="link number" aria-expanded=${open ? "true" : "false"} title=${dateTime(row.time)} onClick=${() => setOpen(!open)}>${moment(row.time)}</button>
        </td>
        <td>${row.model || dash}</td>
        <td>${row.token ?? dash}</td>
        <td><${Badge} kind=${row.status >= 500 ? "bad" : row.status >= 400 || row.error ? "warn" : "good"}>${row.status}<//></td>
        <td class="number">${milliseconds(row.first_token_ms)}</td>
        <td class="number">${milliseconds(row.total_ms)}</td>
        <td class="number">${row.prompt_tokens == null ? dash : `${count(row.prompt_tokens)} → ${count(row.completion_tokens)}`}</td>
        <td class="number">${points(row.points, row.points_estimated)}</td>
      </tr>
      ${open &&
      html`
        <tr class="details">
          <td colspan=${COLUMNS.length}>
            <dl class="facts">
              <${Fact} name=${t("requests.id")}><code>${row.request_id}</code><//>
              <${Fact} name=${t("requests.path")}>${row.method} ${row.path}<//>
              <${Fact} name=${t("requests.error")}>${row.error ?? dash}<//>
              <${Fact} name=${t("requests.key")}>${row.key || dash}<//>
              <${Fact} name=${t("requests.attempts")}>${count(row.attempts)}<//>
              <${Fact} name=${t("requests.address")}>${row.address ?? dash}<//>
              <${Fact} name=${t("requests.bytes")}>${bytes(row.bytes_in)} → ${bytes(row.bytes_out)}<//>
            </dl>
          </td>
        </tr>
      `}
    <//>
  `;
}
