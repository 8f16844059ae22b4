// Numbers, times and sizes in the reader's language.

import { language } from "./strings.js";

const number = (value, options) => new Intl.NumberFormat(language(), options).format(value);

export const dash = "–";

export const count = (value) => (value == null ? dash : number(value));

// 128000 -> "128K"
export const compact = (value) =>
  value == null
    ? dash
    : number(value, { notation: "compact", maximumFractionDigits: value < 1e6 ? 0 : 1 });

// 1500 -> "1.5K"
export const short = (value) =>
  number(value, { notation: "compact", maximumSignificantDigits: 3 });

export const points = (value, estimated = false) =>
  value == null
    ? dash
    : (estimated ? "≈ " : "") + number(value, { maximumFractionDigits: value < 10 ? 2 : 0 });

// Dollars for a million tokens, from dollars for one.
export function perMillion(dollars) {
  return dollars == null ? dash : usd(dollars * 1e6);
}

export function usd(dollars) {
  const digits = dollars !== 0 && dollars < 0.01 ? { maximumSignificantDigits: 2 } : {};
  return number(dollars, {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    ...digits,
  });
}

export const milliseconds = (value) =>
  value == null ? dash : value < 1000 ? `${Math.round(value)} ms` : seconds(value / 1000);

export const seconds = (value) => `${number(value, { maximumFractionDigits: 1 })} s`;

export function duration(total) {
  const days = Math.floor(total / 86400);
  const hours = Math.floor((total % 86400) / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min` : `${Math.round(total)} s`;
}

export function bytes(value) {
  if (value == null) return dash;
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), units.length - 1);
  return `${number(value / 1000 ** power, { maximumFractionDigits: power ? 1 : 0 })} ${units[power]}`;
}

// From seconds since the epoch.
export const dateTime = (at) =>
  at == null
    ? dash
    : new Date(at * 1000).toLocaleString(language(), { dateStyle: "medium", timeStyle: "short" });

export const clock = (at) => new Date(at * 1000).toLocaleTimeString(language());

// The time of day, with the date where that is not today's.
export function moment(at) {
  const date = new Date(at * 1000);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock(at) : `${date.toLocaleDateString(language(), { month: "short", day: "numeric" })} ${clock(at)}`;
}

// Of a rule, which goes by days in UTC.
export const dateOf = (text) =>
  text == null ? dash : new Date(text).toLocaleDateString(language(), { dateStyle: "medium", timeZone: "UTC" });
