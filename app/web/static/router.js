// The view that the address names: `#/models`, `#/play?model=GPT-5`.

import { createStore } from "./store.js";

const read = () => {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { view: path || "start", query: new URLSearchParams(query) };
};

export const route = createStore(read());

addEventListener("hashchange", () => route.set(read()));

export const href = (view, query = {}) => {
  const text = new URLSearchParams(query).toString();
  return `#/${view}${text ? `?${text}` : ""}`;
};

// The same without a step in the browser's history.
export function replace(view, query) {
  history.replaceState(null, "", href(view, query));
  route.set(read());
}

export function go(view, query) {
  location.hash = href(view, query);
}
