// Health: whether the gateway can do its work, and what deserves attention.

import { admin, call } from "../api.js";
import { bytes, count, dateTime, duration } from "../format.js";
import { html, useEffect } from "../html.js";
import { Badge, ErrorNote, Fact, Loading, Meter, Note, PageHead } from "../parts.js";
import { gateway, session } from "../session.js";
import { useLoaded, useStore } from "../store.js";
import { t } from "../strings.js";

const EVERY = 10_000; // milliseconds

export default function Health() {
  const open = useStore(session).admin === "open";
  return html`
    <${PageHead} title=${t("nav.health")} lead=${t("health.lead")} />
    <${Report} key=${open} open=${open} />
  `;
}

// What the admin's token opens has another form than what anyone may see.
function Report({ open }) {
  const { data, error, loading, reload } = useLoaded(
    (signal) => (open ? admin("/health", { signal }) : readiness(signal)),
    [open],
  );
  useEffect(() => {
    const timer = setInterval(() => document.hidden || reload(), EVERY);
    return () => clearInterval(timer);
  }, []);
  const reasons = (data?.reasons ?? []).map((message) => ({ code: message, message }));
  const warnings = [...(data?.warnings ?? reasons), ...(open ? [] : seenFromHere())];
  return html`
    <${ErrorNote} error=${error} retry=${reload} />
    ${loading && !data && html`<${Loading} />`}
    ${data &&
    html`
      <section aria-label=${t("health.warnings")}>
        ${warnings.length
          ? warnings.map((each) => html`<${Note} key=${each.code} kind="warn" icon="warning"><p>${each.message}</p><//>`)
          : html`<${Note} kind="good" icon="check"><p>${t("health.fine")}</p><//>`}
      </section>
      ${open ? html`<${AdminFacts} health=${data} />` : html`<${Facts} ready=${data} />`}
    `}
  `;
}

const readiness = (signal) => call("/readyz", { signal });

// What the page can tell by itself: a key that crosses the internet in the clear.
function seenFromHere() {
  const { protocol, hostname } = location;
  const near = /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|\[)|\.(local|lan|home|internal)$/;
  const plain = protocol === "http:" && hostname.includes(".") && !near.test(hostname);
  return plain ? [{ code: "plain_http", message: t("health.plain") }] : [];
}

const State = ({ good, children }) => html`<${Badge} kind=${good ? "good" : "bad"}>${children}<//>`;
const Facts = ({ ready }) => html`
  <dl class="figures">
    <${Fact} name=${t("health.version")}>${gateway.version}<//>
    <${Fact} name=${t("health.mode")}>${t(`health.mode.${gateway.mode}`)}<//>
    <${Fact} name=${t("health.poe")}><${State} good=${ready.poe === "reachable"}>${t(`health.${ready.poe}`)}<//><//>
    <${Fact} name=${t("health.state")}><${State} good=${ready.store !== "unusable"}>${t(`health.${ready.store}`)}<//><//>
  </dl>
`;

const AdminFacts = ({ health }) => html`
  <dl class="figures">
    <${Fact} name=${t("health.version")}>${health.version}<//>
    <${Fact} name=${t("health.uptime")}>${duration(health.uptime_seconds)}<//>
    <${Fact} name=${t("health.mode")}>${t(`health.mode.${health.mode}`)}<//>
    <${Fact} name=${t("health.workers")}>${count(health.workers)}<//>
    <${Fact} name=${t("health.streams")}>${count(health.requests_in_progress)}<//>
    <${Fact} name=${t("health.poe")}><${State} good=${health.poe === "reachable"}>${t(`health.${health.poe}`)}<//><//>
    <${Fact} name=${t("health.state")}><${State} good=${health.state.usable}>${health.state.medium}<//><//>
    <${Fact} name=${t("health.ledger")}><${State} good=${health.ledger.usable}>${health.ledger.medium}<//><//>
    <${Fact} name=${t("nav.keys")}>${health.keys.total ? t("health.keys", health.keys) : t("health.keys.none")}<//>
    <${Fact} name=${t("nav.tokens")}>${count(health.tokens.environment + health.tokens.file + health.tokens.stored)}<//>
  </dl>
  ${health.state.limit_bytes != null &&
  html`<div class="meters"><${Meter}
    label=${t("health.space")}
    used=${health.state.used_bytes}
    limit=${health.state.limit_bytes}
    text=${t("usage.left", { used: bytes(health.state.used_bytes), limit: bytes(health.state.limit_bytes) })}
  /></div>`}
  <p class="fine">${t("health.since", { time: dateTime(health.started_at) })}</p>
`;
