// What the page knows of its user. Secrets live in the tab's sessionStorage and nowhere else;
// language and theme are kept in the browser.

import { createStore } from "./store.js";

const facts = JSON.parse(document.querySelector('meta[name="poegate"]').content);

// {version, mode: "token" | "pass-through", admin: boolean, demo_bots: [name]}.
export const gateway = facts;

export const session = createStore({
  token: sessionStorage.getItem("token") ?? "",
  adminToken: sessionStorage.getItem("adminToken") ?? "",
  // "unknown" until asked; "absent": the gateway has no ADMIN_TOKEN; "locked"; "open"
  admin: "unknown",
});

export function setToken(token) {
  keep("token", token);
}

export function setAdminToken(adminToken) {
  keep("adminToken", adminToken);
}

function keep(name, value) {
  if (value) sessionStorage.setItem(name, value);
  else sessionStorage.removeItem(name);
  session.set({ [name]: value });
}

export const preferences = createStore({
  theme: localStorage.getItem("theme") ?? "auto",
  language: localStorage.getItem("language") ?? "",
});

export function prefer(name, value) {
  localStorage.setItem(name, value);
  preferences.set({ [name]: value });
  if (name === "theme") applyTheme(value);
}

function applyTheme(theme) {
  if (theme === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.setAttribute("data-theme", theme);
}
