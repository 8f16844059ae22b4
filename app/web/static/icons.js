// Line icons on a grid of 24. They never carry meaning alone: a label is next to each, or on it.

import { html } from "./html.js";

const PATHS = {
  gate: "M4 20V9a8 8 0 0 1 16 0v11M9 20V9.5a3 3 0 0 1 6 0V20M2.5 20h19",
  start: "M5 12h13M13 6l6 6-6 6",
  play: "M4 5.5h16v10.5H10l-4.5 4V16H4z",
  models: "M4 7h10M18 7h2M4 12h3M11 12h9M4 17h8M16 17h4M16 5v4M9 10v4M14 15v4",
  usage: "M5 20v-7M12 20V5M19 20v-10",
  keys: "M8 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 12h8.5v3.5M17 12v2.5",
  tokens: "M4 7h16v4a2 2 0 0 0 0 3v4H4v-4a2 2 0 0 0 0-3zM14 7v11",
  requests: "M4 6h16M4 12h16M4 18h10",
  health: "M3 12h4l2.5-6 5 12 2.5-6h4",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  check: "M5 12.5l4.5 4.5L19 7.5",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  attach: "M19 11l-7.5 7.5a4.5 4.5 0 0 1-6.4-6.4L12.6 4.6a3 3 0 0 1 4.3 4.3L9.5 16.3a1.5 1.5 0 0 1-2.2-2.2L14 7.5",
  code: "M8 7l-5 5 5 5M16 7l5 5-5 5",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  plus: "M12 5v14M5 12h14",
  settings: "M4 8h8M18 8h2M4 16h2M12 16h8M15 5.5v5M9 13.5v5",
  retry: "M19 12a7 7 0 1 1-2.1-5M19 4v4h-4",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  auto: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  warning: "M12 4l9 16H3zM12 10v4M12 17v.01",
  chevron: "M8 10l4 4 4-4",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  image: "M4 5h16v14H4zM4 16l5-5 5 5 2-2 4 4M15.5 9h.01",
  external: "M10 6H5v13h13v-5M14 4h6v6M20 4l-9 9",
};

export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d=${PATHS[name]} />
  </svg>
`;
