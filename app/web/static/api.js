// Calls to the gateway. The credential goes in a header, so there is nothing to forge from
// another site.

import { gateway, session } from "./session.js";
import { createStore } from "./store.js";
import { t } from "./strings.js";

// Where the gateway is, as this browser reached it, without a slash at its end.
export const base = new URL(".", document.baseURI).href.replace(/(\/v1)?\/$/, "");

// An error that the gateway answered, or that kept it from answering (status 0).
export class ApiError extends Error {
  constructor(message, { status = 0, type, param, code, requestId, retryAfter } = {}) {
    super(message);
    Object.assign(this, { status, type, param, code, requestId, retryAfter });
  }
}

// The response. Throws ApiError for any status from 400, and AbortError where `signal` says stop.
export async function request(path, { method = "GET", body, token, signal, accept } = {}) {
  if (token && !/^[\x21-\x7e]+$/.test(token)) throw new ApiError(t("error.credential"));
  const headers = { Accept: accept ?? "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(base + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      credentials: "omit",
      cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(t("error.unreachable"));
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

export async function call(path, options) {
  return (await request(path, options)).json();
}

export const ask = (path, options = {}) => call(path, { token: session.get().token, ...options });

// A call with ADMIN_TOKEN. A refusal of it locks the views of the admin again.
export async function admin(path, options = {}) {
  try {
    const answer = await call(`/admin${path}`, { token: session.get().adminToken, ...options });
    if (session.get().admin !== "open") session.set({ admin: "open" });
    return answer;
  } catch (error) {
    if (error.status === 401) session.set({ admin: "locked" });
    throw error;
  }
}

// Whether there is an admin here, and whether the token that this tab holds is the admin's.
export async function findAdmin() {
  if (!gateway.admin) return session.set({ admin: "absent" });
  if (!session.get().adminToken) return session.set({ admin: "locked" });
  try {
    await admin("/health");
  } catch (error) {
    if (error.status !== 401) session.set({ admin: "unknown" });
  }
}

async function errorOf(response) {
  const facts = {
    status: response.status,
    requestId: response.headers.get("x-request-id") ?? undefined,
    retryAfter: response.headers.get("retry-after") ?? undefined,
  };
  try {
    const { error } = await response.json();
    return new ApiError(error.message, { ...facts, ...pick(error) });
  } catch {
    return new ApiError(t("error.status", { status: response.status }), facts);
  }
}

export const pick = ({ type, param, code }) => ({
  type,
  param: param ?? undefined,
  code: code ?? undefined,
});

// The list of models, fetched once for each credential: {list, error, token}.
export const models = createStore({ list: null, error: null, token: null, loading: false });

export async function loadModels({ again = false } = {}) {
  const { token } = session.get();
  const known = models.get();
  if (!token || (!again && known.token === token && (known.loading || known.list))) return;
  models.set({ token, loading: true, error: null, list: again ? known.list : null });
  try {
    const { data } = await ask("/v1/models", { token });
    if (models.get().token === token) models.set({ list: data.map(withParameters), loading: false });
  } catch (error) {
    if (models.get().token === token) models.set({ error, loading: false });
  }
}

// Poe's own entries may lack parameters, and a parameter its schema.
const withParameters = (model) => ({
  ...model,
  parameters: (model.parameters ?? []).map((each) => ({ ...each, schema: each.schema ?? {} })),
});

// The first of the wanted names that is offered.
export const usual = (offered, wanted, otherwise) =>
  wanted.find((name) => offered.includes(name)) ?? otherwise;

// What a visitor is likely to ask first.
export const USUAL = ["Claude-Sonnet-4.5", "GPT-5", "demo-story"];

export const isDemo = (name) => gateway.demo_bots.includes(name);
