// What the page knows of its user. Secrets live in the tab's sessionStorage and nowhere else;
// language and theme are kept in the browser.

import { createStore } from "./store.js";

const facts = JSON.parse(document.querySelector('meta[name="poegate"]').content);

// {version, mode: "token" | "pass-through", admin: boolean, demo_bots: [name]}.
export const gateway = facts;

// A browser may refuse to keep anything, or have no room: then what is set lasts until a reload.
function kept(storage, name) {
  try {
    return window[storage].getItem(name) ?? "";
  } catch {
    return "";
  }
}

function keep(storage, name, value) {
  try {
    if (value) window[storage].setItem(name, value);
    else window[storage].removeItem(name);
  } catch {
    // Not kept.
  }
}

// A name for this tab, which a reload leaves as it is.
export const tab = kept("sessionStorage", "tab") || String(Math.random()).slice(2);
keep("sessionStorage", "tab", tab);

export const session = createStore({
  token: kept("sessionStorage", "token"),
  adminToken: kept("sessionStorage", "adminToken"),
  // "unknown" until asked; "absent": the gateway has no ADMIN_TOKEN; "locked"; "open"
  admin: "unknown",
});

export function setToken(token) {
  setSecret("token", token);
}

export function setAdminToken(adminToken) {
  setSecret("adminToken", adminToken);
}

function setSecret(name, value) {
  keep("sessionStorage", name, value);
  session.set({ [name]: value });
}

export const THEMES = ["auto", "light", "dark"];

export const preferences = createStore({
  theme: THEMES.find((theme) => theme === kept("localStorage", "theme")) ?? "auto",
  language: kept("localStorage", "language"),
});

export function prefer(name, value) {
  keep("localStorage", name, value);
  preferences.set({ [name]: value });
  if (name === "theme") applyTheme(value);
}

function applyTheme(theme) {
  if (theme === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.setAttribute("data-theme", theme);
}
