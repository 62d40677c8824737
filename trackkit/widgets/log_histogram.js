// The log over time: stacked bars by level in SVG, a stretch of them selected by dragging, a click, or the keyboard.
//
// What is selected is decided in the kernel; here it is only foreseen. Places are kept as instants, not as numbers of
// bars, so that fresh figures, or wider bars, leave them where they are. Times are UTC throughout.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 170, LEFT = 54, RIGHT = 10, TOP = 10, BOTTOM = 26;
const LEAST = 2; // px of a level that is there at all: one severe error among thousands of others is to be seen
const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND), ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR), ...[1, 2, 7, 14, 28, 91, 182, 364, 728, 1820].map((n) => n * DAY),
];
const HATCHES = {
  xxx: "M0,0 6,6 M6,0 0,6", "///": "M-1,1 1,-1 M0,6 6,0 M5,7 7,5", "\\\\\\": "M-1,5 1,7 M0,0 6,6 M5,-1 7,1", "..": "M2,3 3.5,3",
};

const make = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};
const draw = (tag, attributes) => {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};
const number = (value) => value.toLocaleString("en");
const at = (ms) => new Date(ms).toISOString().replace("T", " ").slice(0, ms % MINUTE ? 19 : 16);
const span = (ms) => {
  for (const [length, unit] of [[DAY, "d"], [HOUR, "h"], [MINUTE, "min"]]) if (ms % length === 0) return `${ms / length} ${unit}`;
  return `${ms / SECOND} s`;
};

function render({ model, el }) {
  const view = { model, el, cursor: null, anchor: null, dragging: false, ...build() };
  el.classList.add("tk-histogram");
  el.dataset.lmSuppressShortcuts = "true"; // keys typed here are not JupyterLab's commands
  el.replaceChildren(view.head, view.plot, view.empty, view.bar, view.details);
  listen(view);
  const all = () => show(view);
  const some = () => mark(view);
  model.on("change:drawn", all);
  model.on("change:selected change:may", some);
  const sized = new ResizeObserver(all);
  sized.observe(view.plot);
  show(view);
  return () => {
    sized.disconnect();
    model.off("change:drawn", all);
    model.off("change:selected change:may", some);
  };
}

function build() {
  const svg = draw("svg", { "aria-hidden": "true", height: HEIGHT });
  const slider = make("div", { className: "tk-histogram-keys", tabIndex: 0 });
  slider.setAttribute("role", "slider");
  slider.setAttribute("aria-label", "Stretch of time in the log; arrows move, Shift widens, Enter selects, Escape clears");
  slider.setAttribute("aria-orientation", "horizontal");
  const button = (text, what) => {
    const made = make("button", { type: "button", className: "tk-small", textContent: text });
    made.dataset.what = what;
    return made;
  };
  const said = make("p", { className: "tk-hint" });
  said.setAttribute("role", "status");
  const buttons = [button("Zoom in", "zoom"), button("Back", "back"), button("Clear", "clear")];
  const table = make("div", { className: "tk-table" });
  return {
    svg, slider, said, buttons, table,
    ids: crypto.getRandomValues(new Uint32Array(1))[0],
    head: make("div", { className: "tk-histogram-head" }),
    plot: make("div", { className: "tk-histogram-plot" }, svg, slider),
    empty: make("p", { className: "tk-empty" }),
    bar: make("div", { className: "tk-histogram-bar" }, said, ...buttons),
    details: make("details", {}, make("summary", { textContent: "The figures as a table" }), table),
  };
}

function listen(view) {
  const { slider, model } = view;
  slider.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    slider.setPointerCapture(event.pointerId);
    view.dragging = true;
    view.cursor = under(view, event);
    view.anchor = event.shiftKey && view.anchor !== null ? view.anchor : view.cursor;
    mark(view);
  });
  slider.addEventListener("pointermove", (event) => {
    if (!view.dragging) return;
    view.cursor = under(view, event);
    mark(view);
  });
  slider.addEventListener("pointerup", () => { if (view.dragging) choose(view); });
  slider.addEventListener("pointercancel", () => forget(view));
  slider.addEventListener("keydown", (event) => key(view, event));
  view.bar.addEventListener("click", (event) => {
    const what = event.target.dataset?.what;
    if (!what) return;
    forget(view);
    model.send({ do: what });
    slider.focus();
  });
  view.details.addEventListener("toggle", () => figures(view));
}

const bars = (view) => view.model.get("drawn").buckets || 0;
const clamp = (index, many) => Math.min(Math.max(index, 0), many - 1);
const bucket = (view, ms) => {
  const { start, width } = view.model.get("drawn");
  return clamp(Math.floor((ms - start) / width), bars(view));
};
const starts = (view, index) => view.model.get("drawn").start + index * view.model.get("drawn").width;

function under(view, event) {
  const box = view.slider.getBoundingClientRect();
  return starts(view, clamp(Math.floor(((event.clientX - box.left) / box.width) * bars(view)), bars(view)));
}

// What has been marked but not chosen yet, as [from, to); null when nothing is.
function marked(view) {
  if (view.cursor === null || !bars(view)) return null;
  const [one, other] = [bucket(view, view.cursor), bucket(view, view.anchor ?? view.cursor)];
  return [starts(view, Math.min(one, other)), starts(view, Math.max(one, other) + 1)];
}

function forget(view) {
  view.cursor = view.anchor = null;
  view.dragging = false;
  mark(view);
}

function choose(view) {
  const [from, to] = marked(view);
  view.dragging = false;
  const now = view.model.get("selected");
  if (now.from === from && now.to === to) view.model.send({ do: "zoom" }); // once more = closer
  else view.model.send({ do: "select", from, to });
  mark(view);
}

function key(view, event) {
  const many = bars(view);
  if (!many || event.altKey || event.ctrlKey || event.metaKey) return;
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -many, End: many };
  if (event.key in steps) {
    const { from } = view.model.get("selected");
    const fresh = view.cursor === null; // begin at what is selected, else at the newest
    const here = fresh ? (from == null ? many - 1 : bucket(view, from)) : bucket(view, view.cursor);
    view.cursor = starts(view, clamp(fresh && !event.key.match(/Home|End/) ? here : here + steps[event.key], many));
    if (!event.shiftKey || view.anchor === null) view.anchor = fresh || !event.shiftKey ? view.cursor : starts(view, here);
    mark(view);
  } else if (event.key === "Enter" || event.key === " ") {
    if (view.cursor !== null) choose(view);
  } else if (event.key === "Escape") {
    const { from, to } = view.model.get("selected");
    const pending = marked(view);
    if (pending && !(pending[0] === from && pending[1] === to)) forget(view);
    else if (view.model.get("may").clear) { forget(view); view.model.send({ do: "clear" }); }
    else return;
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

// How many entries of each level lie between two instants; bars that are only touched count whole.
function sums(view, from, to) {
  const { start, width, levels, bars: all } = view.model.get("drawn");
  const found = levels.map(() => 0);
  for (const [index, ...counts] of all) {
    const begins = start + index * width;
    if (begins < to && begins + width > from) counts.forEach((count, level) => { found[level] += count; });
  }
  return found;
}

function words(view, from, to) {
  const { levels } = view.model.get("drawn");
  const found = sums(view, from, to);
  const some = found.flatMap((count, level) => (count ? [`${number(count)} ${levels[level].title}`] : []));
  return `${at(from)} to ${at(to)} UTC: ${some.join(", ") || "no entries"}`;
}

function show(view) {
  const { model, svg, head, plot, empty, details, slider } = view;
  const { start, width, levels = [], bars: all = [], buckets = 0, note = "" } = model.get("drawn");
  const nothing = !all.length;
  empty.textContent = nothing ? note : "";
  empty.hidden = !nothing || !note;
  plot.hidden = head.hidden = details.hidden = nothing;
  mark(view);
  if (nothing) return;
  const end = start + buckets * width;
  const totals = sums(view, start, end);
  const keys = levels.map((level, n) => {
    const swatch = draw("svg", { width: 14, height: 14, "aria-hidden": "true" });
    segment(view, swatch, n, 0, 0, 14, 14);
    return make("span", { className: "tk-histogram-key" }, swatch, `${level.title} (${number(totals[n])})`);
  });
  head.replaceChildren(
    make("span", {}, make("b", { textContent: "Entries by level" }), ` ${at(start)} to ${at(end)} UTC, ${span(width)} a bar`),
    make("span", { className: "tk-histogram-legend" }, ...keys),
  );
  slider.ariaValueMin = 0;
  slider.ariaValueMax = buckets - 1;
  picture(view);
  figures(view);
}

function segment(view, onto, level, x, y, width, height) {
  const { colour, hatch } = view.model.get("drawn").levels[level];
  const place = { x, y, width: Math.max(width, 0.5), height };
  onto.append(draw("rect", { ...place, fill: colour }));
  if (hatch && width > 3) onto.append(draw("rect", { ...place, fill: `url(#tk-hatch-${view.ids}-${level})` }));
}

function picture(view) {
  const { svg, plot, slider } = view;
  const { start, width, levels, bars: all, buckets } = view.model.get("drawn");
  const room = Math.max(plot.clientWidth - LEFT - RIGHT, 50), base = HEIGHT - BOTTOM;
  const most = Math.max(...all.map(([, ...counts]) => counts.reduce((sum, count) => sum + count, 0)));
  const step = nice(most / 3), top = Math.ceil(most / step) * step;
  svg.setAttribute("width", room + LEFT + RIGHT);
  const patterns = draw("defs", {});
  levels.forEach(({ hatch }, level) => {
    if (!HATCHES[hatch]) return;
    const pattern = draw("pattern", { id: `tk-hatch-${view.ids}-${level}`, width: 6, height: 6, patternUnits: "userSpaceOnUse" });
    pattern.append(draw("path", { d: HATCHES[hatch], class: "tk-histogram-hatch" }));
    patterns.append(pattern);
  });
  svg.replaceChildren(patterns);
  for (let value = 0; value <= top; value += step) {
    const y = base - (value / top) * (base - TOP);
    svg.append(draw("line", { x1: LEFT, x2: LEFT + room, y1: y, y2: y, class: "tk-histogram-line" }));
    const label = draw("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" });
    label.textContent = value >= 10_000 ? new Intl.NumberFormat("en", { notation: "compact" }).format(value) : number(value);
    svg.append(label);
  }
  const each = room / buckets, gap = each > 4 ? 1 : 0;
  for (const [index, ...counts] of all) {
    let y = base;
    counts.forEach((count, level) => {
      if (!count) return;
      const height = Math.max((count / top) * (base - TOP), LEAST);
      y -= height;
      segment(view, svg, level, LEFT + index * each, y, each - gap, height);
    });
  }
  times(svg, start, width * buckets, room, base);
  slider.style.left = `${LEFT}px`;
  slider.style.width = `${room}px`;
  slider.style.top = `${TOP}px`;
  slider.style.height = `${base - TOP}px`;
}

function nice(value) {
  const tens = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return Math.max([1, 2, 5, 10].map((n) => n * tens).find((n) => n >= value) ?? 1, 1);
}

function times(svg, start, whole, room, base) {
  const step = STEPS.find((one) => (one / whole) * room >= 88) ?? STEPS.at(-1);
  for (let when = Math.ceil(start / step) * step; when < start + whole; when += step) {
    const x = LEFT + ((when - start) / whole) * room;
    if (x > LEFT + room - 20) break;
    svg.append(draw("line", { x1: x, x2: x, y1: base, y2: base + 4, class: "tk-histogram-axis" }));
    const label = draw("text", { x, y: base + 18, "text-anchor": x < LEFT + 30 ? "start" : "middle" });
    const text = new Date(when).toISOString();
    label.textContent = step >= 28 * DAY ? text.slice(0, 10) : when % DAY === 0 ? text.slice(5, 10) : text.slice(11, step < MINUTE ? 19 : 16);
    svg.append(label);
  }
  svg.append(draw("line", { x1: LEFT, x2: LEFT + room, y1: base, y2: base, class: "tk-histogram-axis" }));
}

// The selected stretch, the one being marked, and what can be done.
function mark(view) {
  const { model, slider, said, buttons } = view;
  const { start, width, buckets = 0, bars: all = [] } = model.get("drawn");
  const { from, to } = model.get("selected");
  const may = model.get("may");
  for (const button of buttons) button.disabled = !may[button.dataset.what];
  slider.replaceChildren();
  if (!all.length) { said.textContent = ""; return; }
  const end = start + buckets * width, pending = marked(view);
  const band = (one, other, kind) => {
    const left = Math.max(((one ?? start) - start) / (end - start), 0), right = Math.min(((other ?? end) - start) / (end - start), 1);
    if (right <= left) return;
    const made = make("div", { className: left === 0 && right === 1 ? `${kind} tk-histogram-whole` : kind });
    made.style.left = `${left * 100}%`;
    made.style.width = `${(right - left) * 100}%`;
    slider.append(made);
  };
  const chosen = from != null || to != null;
  if (chosen) band(from, to, "tk-histogram-chosen");
  const fresh = pending && !(pending[0] === from && pending[1] === to);
  if (fresh) band(...pending, "tk-histogram-marked");
  slider.ariaValueNow = view.cursor === null ? (from == null ? buckets - 1 : bucket(view, from)) : bucket(view, view.cursor);
  const stretch = pending ?? (chosen ? [from ?? start, to ?? end] : null);
  slider.ariaValueText = stretch ? words(view, ...stretch) : `nothing selected; ${words(view, start, end)}`;
  said.textContent = stretch ? `${fresh ? "Marked" : "Selected"}: ${words(view, ...stretch)}` : "Drag over the bars, or click one, to see only the entries of that time.";
}

function figures(view) {
  const { details, table } = view;
  const { start, width, levels, bars: all } = view.model.get("drawn");
  if (!details.open || !all) { table.replaceChildren(); return; }
  const cell = (tag, text, kind, label) => {
    const made = make(tag, { textContent: text, className: kind });
    made.setAttribute("role", tag === "th" ? "columnheader" : "cell");
    if (label) made.dataset.label = label;
    return made;
  };
  const row = (...cells) => { const made = make("tr", {}, ...cells); made.setAttribute("role", "row"); return made; };
  const head = row(cell("th", "From (UTC)", "tk-fixed"), ...levels.map((level) => cell("th", level.title, "tk-number")));
  const lines = all.map(([index, ...counts]) => row(
    cell("td", at(start + index * width), "tk-fixed", "From (UTC)"),
    ...counts.map((count, level) => cell("td", number(count), "tk-number", levels[level].title)),
  ));
  const made = make("table", {}, make("thead", {}, head), make("tbody", {}, ...lines));
  made.setAttribute("role", "table");
  made.setAttribute("aria-label", "Log entries by level and time");
  table.replaceChildren(made);
}

export default { render };
