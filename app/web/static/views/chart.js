// Stacked bars over time, drawn by uPlot, which knows single series only: each is drawn as the sum
// of itself and those below it, the tallest first.

import { short } from "../format.js";
import { language } from "../strings.js";
import uPlot from "../vendor/uplot.js";

const HEIGHT = 260;

// `values` is a list of columns, one a series, each as long as `starts`. `onHover` is told the
// place of the bar under the pointer, or null. Returns {destroy}.
export function drawBars(element, { starts, values, unit, onHover }) {
  loadStyle();
  const style = getComputedStyle(element);
  const colour = (name) => style.getPropertyValue(name).trim();
  const stacked = stack(values);
  const bars = uPlot.paths.bars({ size: [0.7, 40] });
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: `12px ${style.fontFamily}`,
  };
  const plot = new uPlot(
    {
      width: element.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: true, range: edges(unit) }, y: { range: (_, low, high) => [0, high * 1.08 || 1] } },
      axes: [
        { ...axis, grid: { show: false }, values: (_, ticks) => ticks.map((at) => label(at, unit)), space: 64, size: 34 },
        { ...axis, values: (_, ticks) => ticks.map(short), size: 48 },
      ],
      series: [
        {},
        ...stacked.map((_, place) => ({
          fill: colour(`--series-${stacked.length - 1 - place}`),
          width: 0,
          paths: bars,
          points: { show: false },
        })),
      ],
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), unit === "hour" ? undefined : "Etc/UTC"),
      hooks: { setCursor: [(self) => onHover(self.cursor.idx ?? null)] },
    },
    [starts, ...[...stacked].reverse()],
    element,
  );
  const observer = new ResizeObserver(() => {
    if (element.clientWidth) plot.setSize({ width: element.clientWidth, height: HEIGHT });
  });
  observer.observe(element);
  return {
    destroy() {
      observer.disconnect();
      plot.destroy();
    },
  };
}

// Half a bar of room at both ends.
const edges = (unit) => (_, first, last) => {
  const half = (unit === "hour" ? 3600 : 86400) / 2;
  return [first - half, last + half];
};

function stack(values) {
  const sums = [];
  values.forEach((column, place) =>
    sums.push(column.map((value, at) => value + (place ? sums[place - 1][at] : 0))),
  );
  return sums;
}

const label = (at, unit) =>
  unit === "hour"
    ? new Date(at * 1000).toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit" })
    : new Date(at * 1000).toLocaleDateString(language(), { day: "numeric", month: "short", timeZone: "UTC" });

function loadStyle() {
  const href = new URL("../vendor/uplot.css", import.meta.url).href;
  if (document.querySelector(`link[href="${href}"]`)) return;
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
}
