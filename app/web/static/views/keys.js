// Keys of the pool: how each is, by its number. A key itself never leaves the gateway.

import { admin } from "../api.js";
import { clock, count, dateTime, milliseconds, points } from "../format.js";
import { html, useEffect, useState } from "../html.js";
import { AdminGate, Badge, Empty, ErrorNote, Fact, Loading, PageHead } from "../parts.js";
import { useLoaded } from "../store.js";
import { t } from "../strings.js";

export default function Keys() {
  return html`
    <${PageHead} title=${t("nav.keys")} lead=${t("keys.lead")} />
    <${AdminGate}><${List} /><//>
  `;
}

function List() {
  const { data, error, loading, reload } = useLoaded((signal) => admin("/keys", { signal }), []);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || reload(), 15_000);
    return () => clearInterval(timer);
  }, []);
  return html`
    <${ErrorNote} error=${error} retry=${reload} />
    ${loading && !data && html`<${Loading} />`}
    ${data && !data.data.length && html`<${Empty} title=${t("keys.none")}><p>${t("keys.none.how")}</p><//>`}
    <div class="cards">${data?.data.map((key) => html`<${Key} key=${key.number} pooled=${key} reload=${reload} />`)}</div>
  `;
}

const KINDS = { ready: "good", resting: "warn", refused: "bad" };

function Key({ pooled, reload }) {
  const [test, setTest] = useState(null); // {running} | {result} | {error}
  const act = async (name) => {
    setTest({ running: true });
    try {
      const result = await admin(`/keys/${pooled.number}/${name}`, { method: "POST" });
      setTest(name === "test" ? { result } : null);
      reload();
    } catch (error) {
      setTest({ error });
    }
  };
  const { balance, rate_limit: limit } = pooled;
  return html`
    <section class="card key">
      <header class="card-head">
        <h2>${t("keys.number", { number: pooled.number })}</h2>
        <${Badge} kind=${KINDS[pooled.state]}>${t(`keys.${pooled.state}`)}<//>
      </header>
      ${(pooled.reason || pooled.until) &&
      html`<p class="fine">${[pooled.reason && t(`keys.reason.${pooled.reason}`), pooled.until && t("keys.until", { time: clock(pooled.until) })].filter(Boolean).join(" · ")}</p>`}
      ${pooled.bots.length > 0 &&
      html`<ul class="fine">${pooled.bots.map((bot) => html`<li key=${bot.bot}>${t("keys.bot", { bot: bot.bot, reason: t(`keys.reason.${bot.reason}`), time: clock(bot.until) })}</li>`)}</ul>`}
      <dl class="facts">
        <${Fact} name=${t("keys.balance")}>${points(balance?.current_point_balance)}<//>
        <${Fact} name=${t("keys.grant")}>${dateTime(balance?.next_grant_at)}<//>
        <${Fact} name=${t("keys.requests")}>${count(pooled.requests_last_hour)}<//>
        <${Fact} name=${t("keys.errors")}>${count(pooled.errors_last_hour)}<//>
        <${Fact} name=${t("keys.points")}>${points(pooled.points_last_hour)}<//>
        ${limit && html`<${Fact} name=${t("keys.limit")}>${count(limit.remaining)} / ${count(limit.limit)}<//>`}
      </dl>
      <div class="row">
        <button type="button" class="secondary small" disabled=${test?.running} onClick=${() => act("test")}>${t("keys.test")}</button>
        <button type="button" class="secondary small" disabled=${test?.running} onClick=${() => act("reset")}>${t("keys.reset")}</button>
      </div>
      <div role="status">
        ${test?.result &&
        (test.result.ok
          ? html`<p class="good-text">${t("keys.ok", { time: milliseconds(test.result.milliseconds) })}</p>`
          : html`<p class="bad-text">${test.result.error.message}</p>`)}
      </div>
      <${ErrorNote} error=${test?.error} />
    </section>
  `;
}
