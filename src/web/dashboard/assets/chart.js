//! Two small charts as SVG, each with the same figures as a table for those who can't see it.

import { h } from "./dom.js";
import { number, span, words } from "./format.js";

const WIDTH = 560;
const HEIGHT = 150;
const FOOT = 18;

function figures(title, heads, rows) {
  return h("details", { class: "figures", "data-key": `figures-${title}` }, h("summary", null, "As a table"),
    h("table", null, h("caption", { class: "hidden" }, title),
      h("thead", null, h("tr", null, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", null, rows.map((row) => h("tr", null, row.map((cell) => h("td", null, cell)))))));
}

function frame(title, summary, marks, legend, table) {
  return h("figure", { class: "chart card" }, h("figcaption", null, h("h2", null, title), legend),
    h("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT + FOOT}`, role: "img", "aria-label": `${title}: ${summary}` }, marks), table);
}

const bucketName = (bucket, before) =>
  bucket.upToSeconds === null ? `over ${span(before)}` : `≤ ${span(bucket.upToSeconds)}`;

/** How long accepts took. */
export function histogram(buckets) {
  const title = "Time to accept";
  const total = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  if (total === 0) return h("figure", { class: "chart card" }, h("figcaption", null, h("h2", null, title)), h("p", { class: "empty" }, "No accept with a known invite yet."));
  const most = Math.max(...buckets.map((bucket) => bucket.count));
  const step = WIDTH / buckets.length;
  const names = buckets.map((bucket, i) => bucketName(bucket, buckets[i - 1]?.upToSeconds));
  const marks = buckets.map((bucket, i) => {
    const tall = (bucket.count / most) * (HEIGHT - 20);
    return h("g", null,
      h("rect", { class: "mark", x: i * step + 4, y: HEIGHT - tall, width: step - 8, height: tall, rx: 3 }, h("title", null, `${names[i]}: ${number(bucket.count)}`)),
      bucket.count > 0 && h("text", { class: "count", x: i * step + step / 2, y: HEIGHT - tall - 5 }, number(bucket.count)),
      h("text", { class: "axis", x: i * step + step / 2, y: HEIGHT + 14 }, names[i]));
  });
  const top = names[buckets.findIndex((bucket) => bucket.count === most)];
  return frame(title, `${number(total)} accepts, most often ${top}.`, marks, null, figures(title, ["Within", "Accepts"], buckets.map((bucket, i) => [names[i], number(bucket.count)])));
}

const DAY_MS = 86400000;

/** Accepts by day and source over the last `days` days. */
export function overTime(perDay, days) {
  const title = "Accepts by source";
  if (perDay.length === 0) return h("figure", { class: "chart card" }, h("figcaption", null, h("h2", null, title)), h("p", { class: "empty" }, `No accept in the last ${days} days.`));
  const today = Math.floor(Date.now() / DAY_MS);
  const all = Array.from({ length: days }, (_, i) => new Date((today - days + 1 + i) * DAY_MS).toISOString().slice(0, 10));
  const sources = [...new Set(perDay.map((row) => row.source))].sort();
  const counts = new Map(perDay.map((row) => [`${row.day} ${row.source}`, row.count]));
  const sums = all.map((day) => sources.reduce((sum, source) => sum + (counts.get(`${day} ${source}`) ?? 0), 0));
  const most = Math.max(1, ...sums);
  const step = WIDTH / all.length;
  const marks = all.map((day, i) => {
    let base = HEIGHT;
    const bars = sources.map((source) => {
      const count = counts.get(`${day} ${source}`) ?? 0;
      if (count === 0) return null;
      const tall = (count / most) * (HEIGHT - 20);
      base -= tall;
      return h("rect", { class: `src-${source}`, x: i * step + 1, y: base, width: Math.max(1, step - 2), height: tall }, h("title", null, `${day}, ${words(source)}: ${number(count)}`));
    });
    const labelled = i === 0 || i === all.length - 1 || i === Math.floor(all.length / 2);
    return h("g", null, bars, labelled && h("text", { class: `axis ${i === 0 ? "start" : i === all.length - 1 ? "end" : ""}`, x: i === 0 ? 0 : i === all.length - 1 ? WIDTH : i * step + step / 2, y: HEIGHT + 14 }, day.slice(5)));
  });
  marks.push(h("line", { class: "base", x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }), h("text", { class: "axis start", x: 0, y: 12 }, `max ${number(most)}`));
  const legend = h("ul", { class: "legend" }, sources.map((source) => h("li", null, h("span", { class: `dot src-${source}` }), words(source))));
  const total = sums.reduce((a, b) => a + b, 0);
  return frame(title, `${number(total)} accepts in ${days} days.`, marks, legend, figures(title, ["Day", "Source", "Accepts"], perDay.map((row) => [row.day, words(row.source), number(row.count)])));
}
