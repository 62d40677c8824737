// The grid in the browser: draws the window of rows the kernel holds and asks for what lies outside it.
//
// Cells are set as text, never as markup. Focus is on rows (one tab stop); what is selected is decided in the kernel
// and only foreseen here, so that a click shows at once. Rows keep their element as long as they stay in the window.

const MOVES = { Home: "first", End: "last" };

export default {
  render({ model, el }) {
    const view = { model, pending: null, sent: 0, moving: 0, active: null, rows: new Map() };
    Object.assign(view, build(model));
    el.classList.add("tk-grid");
    el.append(view.bar, view.scroll, view.empty, view.foot);
    listen(view);
    const drawAll = () => draw(view);
    const drawSelection = () => select(view, new Set(model.get("selected")));
    const say = () => tell(view);
    const done = () => {
      if (waiting(view)) return;
      arrive(view, model.get("window"));
      view.table.ariaBusy = String(waiting(view));
    };
    model.on("change:window change:sort", drawAll);
    model.on("change:selected", drawSelection);
    model.on("change:count change:status", say);
    model.on("change:asked", done);
    draw(view);
    if (!model.get("window").rows) ask(view, { do: "first" });
    return () => {
      model.off("change:window change:sort", drawAll);
      model.off("change:selected", drawSelection);
      model.off("change:count change:status", say);
      model.off("change:asked", done);
    };
  },
};

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function build(model) {
  const columns = model.get("columns");
  const heads = columns.map((column) => {
    const content = column.sortable ? make("button", { type: "button", "data-column": column.name }, column.title) : column.title;
    return make("th", { role: "columnheader", scope: "col", class: column.kind }, content);
  });
  const body = make("tbody", { role: "rowgroup" });
  const table = make("table", {
    role: "grid", "aria-label": model.get("label"), "aria-colcount": columns.length,
    "aria-multiselectable": model.get("multiple"),
  }, make("thead", { role: "rowgroup" }, make("tr", { role: "row", "aria-rowindex": 1 }, ...heads)), body);
  const choose = make("select", { "aria-label": `Sort ${model.get("label")} by` });
  for (const column of columns.filter((one) => one.sortable)) {
    choose.append(make("option", { value: `${column.name} up` }, `${column.title}, ascending`));
    choose.append(make("option", { value: `${column.name} down` }, `${column.title}, descending`));
  }
  const position = make("span", { class: "tk-grid-position" });
  const status = make("span", { role: "status", class: "tk-grid-status" });
  const toFirst = make("button", { type: "button" }, "First");
  const toLast = make("button", { type: "button" }, "Last");
  return {
    heads, body, table, choose, position, status, toFirst, toLast,
    bar: make("div", { class: "tk-grid-bar" }, choose),
    scroll: make("div", { class: "tk-grid-scroll" }, table),
    empty: make("p", { class: "tk-empty" }),
    foot: make("div", { class: "tk-grid-foot" }, position, status, toFirst, toLast),
  };
}

function listen(view) {
  const { scroll, body, table, model } = view;
  table.tHead.addEventListener("click", (event) => {
    const column = event.target.dataset?.column;
    if (column) ask(view, { do: "sort", column });
  });
  view.choose.addEventListener("change", () => {
    const [column, direction] = view.choose.value.split(" ");
    const sort = model.get("sort");
    if (sort.column !== column) ask(view, { do: "sort", column });
    if (direction === "down" ? sort.column !== column || !sort.descending : sort.column === column && sort.descending) {
      ask(view, { do: "sort", column });
    }
  });
  view.toFirst.addEventListener("click", () => ask(view, { do: "first" }, { scroll: 0 }));
  view.toLast.addEventListener("click", () => ask(view, { do: "last" }, { scroll: Infinity }));
  scroll.addEventListener("scroll", () => { more(view); place(view); tellPlace(view); }, { passive: true });
  body.addEventListener("mousedown", (event) => { if (event.shiftKey) event.preventDefault(); });
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (!row) return;
    focus(view, row);
    const control = event.ctrlKey || event.metaKey;
    choose(view, row, event.shiftKey ? (control ? "more" : "range") : control ? "toggle" : "one");
  });
  body.addEventListener("dblclick", (event) => {
    const row = event.target.closest("tr");
    if (row) ask(view, { do: "open", id: row.dataset.id });
  });
  body.addEventListener("focusin", (event) => {
    const row = event.target.closest("tr");
    if (row && row.dataset.id !== view.active) focus(view, row);
  });
  body.addEventListener("keydown", (event) => key(view, event));
}

// Ask the kernel. `pending` is what to do once the window has come: {index, how} of the row to go to, or {scroll}.
function ask(view, message, pending = null) {
  view.moving = ++view.sent;
  view.pending = pending;
  view.table.ariaBusy = "true";
  view.model.send({ ...message, number: view.sent });
}

const waiting = (view) => view.model.get("asked") < view.moving;

function choose(view, row, how) {
  const multiple = view.model.get("multiple");
  const now = new Set(view.model.get("selected"));
  const id = row.dataset.id;
  if (how === "one" || !multiple) select(view, new Set([id]));
  else if (how === "toggle") { now.has(id) ? now.delete(id) : now.add(id); select(view, now); }
  view.model.send({ do: "select", how, id, number: ++view.sent });
}

function key(view, event) {
  const row = event.target.closest("tr");
  const control = event.ctrlKey || event.metaKey;
  const rows = view.body.rows;
  if (!row || event.altKey) return;
  const at = row.sectionRowIndex;
  const height = Math.max(1, Math.floor(view.scroll.clientHeight / (row.offsetHeight || 1)) - 2);
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: height, PageUp: -height };
  const how = event.shiftKey ? (control ? "more" : "range") : view.model.get("multiple") ? null : "one";
  if (event.key in steps) go(view, at, steps[event.key], how);
  else if (event.key in MOVES) toEnd(view, event.key === "Home", how);
  else if (event.key === " ") choose(view, row, event.shiftKey ? "range" : "toggle");
  else if (event.key === "Enter") ask(view, { do: "open", id: row.dataset.id });
  else if (control && event.key.toLowerCase() === "a" && view.model.get("multiple")) ask(view, { do: "select", how: "all" });
  else if (event.key === "Escape" && view.model.get("count")) ask(view, { do: "select", how: "none" });
  else return;
  if (rows.length) event.preventDefault();
  event.stopPropagation();
}

// So many rows further, also beyond those of the window. Keys pressed while rows are on their way add up.
function go(view, at, step, how) {
  const held = view.model.get("window");
  const under_way = waiting(view) && view.pending?.index !== undefined;
  reach(view, held, (under_way ? view.pending.index : held.start + at) + step, how);
}

function reach(view, held, index, how) {
  const { rows } = view.body;
  const at = index - held.start;
  const beyond = at >= rows.length && held.next ? "next" : at < 0 && held.previous ? "previous" : null;
  if (!beyond || !Number.isFinite(index)) land(view, Math.min(Math.max(at, 0), rows.length - 1), how);
  else if (waiting(view)) view.pending = { index, how };
  else ask(view, { do: beyond }, { index, how });
}

function toEnd(view, first, how) {
  const held = view.model.get("window");
  if (first ? held.previous : held.next) ask(view, { do: first ? "first" : "last" }, { index: first ? 0 : Infinity, how });
  else land(view, first ? 0 : view.body.rows.length - 1, how);
}

function land(view, at, how) {
  const row = view.body.rows[at];
  if (!row) return;
  focus(view, row);
  row.scrollIntoView({ block: "nearest" });
  if (how) choose(view, row, how);
}

function focus(view, row) {
  for (const other of view.body.querySelectorAll('tr[tabindex="0"]')) other.tabIndex = -1;
  view.active = row.dataset.id;
  row.tabIndex = 0;
  if (document.activeElement !== row) row.focus({ preventScroll: true });
}

// A refresh keeps the rows of somebody who has scrolled away from the beginning.
function tellPlace(view) {
  const away = view.scroll.scrollTop > 0;
  if (away !== (view.away ?? false)) view.model.send({ do: away ? "away" : "top" });
  view.away = away;
}

function more(view) {
  if (waiting(view)) return;
  const { scroll } = view;
  const held = view.model.get("window");
  const below = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
  if (held.next && below < scroll.clientHeight) ask(view, { do: "next" });
  else if (held.previous && scroll.scrollTop < scroll.clientHeight) ask(view, { do: "previous" });
}

function draw(view) {
  const { model, body, scroll, table } = view;
  const held = model.get("window");
  const rows = held.rows ?? [];
  const focused = body.contains(document.activeElement) ? document.activeElement.closest("tr") : null;
  const at_ = focused ? focused.sectionRowIndex : 0;
  const kept = anchor(view);
  drawHead(view);
  table.ariaRowCount = held.rows ? held.total + 1 : -1;
  const fresh = new Map();
  rows.forEach((row, at) => {
    const element = drawRow(view, row, held.start + at);
    fresh.set(row.id, element);
    if (body.rows[at] !== element) body.insertBefore(element, body.rows[at] ?? null);
  });
  while (body.rows.length > rows.length) body.lastElementChild.remove();
  view.rows = fresh;
  if (kept && kept.row.isConnected) scroll.scrollTop = kept.row.offsetTop - kept.below;
  select(view, new Set(model.get("selected")));
  const active = fresh.get(view.active) ?? body.rows[Math.min(at_, rows.length - 1)];
  for (const other of body.querySelectorAll('tr[tabindex="0"]')) other.tabIndex = -1;
  if (active) active.tabIndex = 0;
  if (focused && active && document.activeElement !== active) focus(view, active);
  arrive(view, held);
  view.empty.textContent = held.rows && !rows.length ? model.get("empty") : "";
  view.empty.hidden = !view.empty.textContent;
  scroll.hidden = view.foot.hidden = !rows.length;
  tell(view);
  requestAnimationFrame(() => place(view)); // once more when everything has its size
}

// What was asked for has come: go on to the row that was meant.
function arrive(view, held) {
  const wanted = view.pending;
  view.pending = null;
  if (!wanted) return;
  if (wanted.scroll !== undefined) view.scroll.scrollTop = Math.min(wanted.scroll, view.scroll.scrollHeight);
  else reach(view, held, wanted.index, wanted.how);
}

// The first row in sight and how far below the upper edge it stands, so that it stays where it is.
function anchor(view) {
  const { body, scroll } = view;
  if (scroll.scrollTop === 0) return null;
  const row = [...body.rows].find((one) => one.offsetTop + one.offsetHeight > scroll.scrollTop);
  return row ? { row, below: row.offsetTop - scroll.scrollTop } : null;
}

function drawHead(view) {
  const sort = view.model.get("sort");
  view.model.get("columns").forEach((column, at) => {
    const head = view.heads[at];
    if (!column.sortable) return;
    head.ariaSort = column.name !== sort.column ? "none" : sort.descending ? "descending" : "ascending";
  });
  view.choose.value = `${sort.column} ${sort.descending ? "down" : "up"}`;
  view.bar.hidden = !view.choose.options.length;
}

function drawRow(view, row, index) {
  const columns = view.model.get("columns");
  const text = JSON.stringify(row.cells);
  let element = view.rows.get(row.id);
  if (!element) {
    element = make("tr", { role: "row", tabindex: -1, "aria-selected": "false", "data-id": row.id });
  }
  if (element.drawn !== text) {
    element.replaceChildren(...row.cells.map((cell, at) => drawCell(cell, columns[at])));
    element.drawn = text;
  }
  element.ariaRowIndex = index + 2;
  return element;
}

function drawCell(cell, column) {
  const [text, tone, ...below] = Array.isArray(cell) ? cell : [cell, ""];
  const element = make("td", { role: "gridcell", class: `${column.kind} ${tone}`, "data-label": column.title });
  for (const [name, words] of [["span", text], ...below.map((line) => ["small", line])]) {
    element.append(Object.assign(document.createElement(name), { textContent: words }));
  }
  return element;
}

function select(view, ids) {
  for (const row of view.body.rows) row.ariaSelected = ids.has(row.dataset.id) ? "true" : "false";
}

function tell(view) {
  const { model } = view;
  const held = model.get("window");
  const number = (value) => value.toLocaleString("en");
  const count = model.get("count");
  const words = model.get("multiple") && count ? [`${number(count)} selected`] : [];
  if (model.get("status")) words.push(model.get("status"));
  view.status.textContent = words.join(" · ");
  const rows = held.rows ?? [];
  view.toFirst.hidden = view.toLast.hidden = held.total <= rows.length;
  place(view);
}

function place(view) {
  const { scroll, body } = view;
  const held = view.model.get("window");
  if (!body.rows.length) { view.position.textContent = ""; return; }
  const top = scroll.scrollTop + view.table.tHead.offsetHeight;
  const seen = [...body.rows].filter((row) => row.offsetTop + row.offsetHeight > top && row.offsetTop < scroll.scrollTop + scroll.clientHeight);
  const from = held.start + (seen[0]?.sectionRowIndex ?? 0) + 1;
  const to = held.start + (seen.at(-1)?.sectionRowIndex ?? body.rows.length - 1) + 1;
  const number = (value) => value.toLocaleString("en");
  const all = from === 1 && to === held.total;
  view.position.textContent = all
    ? `${number(to)} ${to === 1 ? "row" : "rows"}`
    : `Rows ${number(from)}–${number(to)} of ${number(held.total)}`;
}
