// Labelled fields made from declarations; values travel by name. Texts are set as text, never as HTML.
const DELAY = 200; // ms of rest after a key until Python hears of it

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

const hide = (node, text) => { node.textContent = text; node.hidden = !text; };

function control(spec, id) {
  if (spec.kind === "choice") {
    const options = spec.choices.map(([value, label]) => element("option", { value, textContent: label }));
    return element("select", { id }, ...options);
  }
  if (spec.kind === "yes/no") return element("input", { id, type: "checkbox" });
  if (spec.kind === "long text") return element("textarea", { id, rows: 5, spellcheck: true });
  const type = { secret: "password", date: "date", instant: "datetime-local" }[spec.kind] || "text";
  const made = element("input", { id, type, spellcheck: false, autocapitalize: "off" });
  made.autocomplete = spec.autocomplete || (spec.kind === "secret" ? "new-password" : "off");
  if (spec.kind === "number") made.inputMode = "numeric";
  if (spec.kind === "number") made.classList.add("tk-short");
  if (spec.kind === "date") made.classList.add("tk-date");
  return made;
}

function field(spec, model, id) {
  const input = control(spec, id), yesNo = spec.kind === "yes/no";
  const read = () => (yesNo ? input.checked : input.value);
  const help = element("p", { className: "tk-hint", id: `${id}-help`, textContent: spec.help, hidden: !spec.help });
  const unit = element("span", { className: "tk-unit", id: `${id}-unit`, textContent: spec.unit, hidden: !spec.unit });
  const message = element("p", { className: "tk-message tk-bad", id: `${id}-message`, hidden: true });
  message.setAttribute("aria-live", "polite");
  const mark = element("small", { className: "tk-mark", id: `${id}-mark`, textContent: "not applied yet", hidden: true });
  input.setAttribute("aria-describedby", `${id}-unit ${id}-help ${id}-mark ${id}-message`);
  if (spec.required) input.required = true;

  let timer;
  const commit = () => {
    clearTimeout(timer);
    timer = undefined;
    if (spec.kind === "secret") { model.send({ secret: spec.name, typed: read() }); return; } // in no saved state
    if (model.get("shown")[spec.name] === read()) return;
    // ipywidgets holds a changed state back while the kernel is busy, but no message: a click must not overtake this.
    model.send({ plain: spec.name, typed: read() });
    model.set("shown", { ...model.get("shown"), [spec.name]: read() });
    model.save_changes();
  };
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(commit, DELAY); });
  input.addEventListener("change", commit);
  if (input.tagName === "INPUT" && !yesNo) {
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      commit();
      model.send({ enter: spec.name });
    });
  }

  const line = element("div", { className: "tk-control" }, input, unit);
  const beside = element("button", { type: "button", className: "tk-small", hidden: true });
  beside.addEventListener("click", () => model.send({ pressed: spec.name }));
  line.append(beside);
  const secret = spec.kind === "secret" ? reveal(input, line, spec, model) : () => {};
  const use = element("button", { type: "button", className: "tk-small", hidden: true });
  use.addEventListener("click", () => { input.value = model.get("proposals")[spec.name].value; commit(); input.focus(); });
  const proposal = element("p", { className: "tk-proposal", hidden: true }, element("span"), " ", use);

  const label = element("label", { htmlFor: id, textContent: spec.label });
  const name = element("div", { className: "tk-name" }, label, mark);
  const row = element("div", { className: "tk-field" }, name, line, help, proposal, message);
  const show = () => {
    row.hidden = model.get("hidden").includes(spec.name);
    const value = model.get("shown")[spec.name];
    if (timer === undefined && value !== undefined && value !== read()) {
      if (yesNo) input.checked = value; else input.value = value;
    }
    const words = model.get("messages")[spec.name] || "", said = words.charAt(0).toUpperCase() + words.slice(1);
    if (message.textContent !== said) hide(message, said);
    input.setAttribute("aria-invalid", said ? "true" : "false");
    input.disabled = model.get("disabled");
    hide(beside, model.get("beside")[spec.name] || "");
    mark.hidden = !model.get("changed").includes(spec.name);
    const proposed = model.get("proposals")[spec.name];
    proposal.hidden = use.hidden = !proposed;
    if (proposed) {
      proposal.firstChild.textContent = proposed.words;
      use.textContent = `Use ${proposed.value}`;
    }
    secret();
  };
  const clear = () => { input.value = ""; secret(); };
  return { row, show, input, clear };
}

// What is being typed can be looked at; it hides again when it is left, applied or emptied.
function reveal(input, line, spec, model) {
  const look = element("button", { type: "button", className: "tk-small", textContent: "Show", hidden: true });
  look.setAttribute("aria-label", `Show what is typed as ${spec.label}`);
  const remove = element("button", { type: "button", className: "tk-small", hidden: true });
  const cover = (covered) => {
    input.type = covered ? "password" : "text";
    look.textContent = covered ? "Show" : "Hide";
    look.setAttribute("aria-pressed", String(!covered));
  };
  const update = () => { look.hidden = !input.value; if (!input.value) cover(true); };
  cover(true);
  look.addEventListener("click", () => { cover(input.type === "text"); input.focus(); });
  input.addEventListener("input", update);
  line.addEventListener("focusout", (event) => { if (!line.contains(event.relatedTarget)) cover(true); });
  remove.addEventListener("click", () => {
    const removed = model.get("removed");
    const without = removed.filter((name) => name !== spec.name);
    model.set("removed", without.length < removed.length ? without : [...removed, spec.name]);
    model.save_changes();
  });
  line.append(look, remove);
  return () => {
    const isSet = model.get("is_set").includes(spec.name), gone = model.get("removed").includes(spec.name);
    remove.hidden = !isSet || model.get("disabled");
    remove.textContent = gone ? "Keep" : "Remove";
    remove.setAttribute("aria-label", `${remove.textContent} ${spec.label}`);
    input.placeholder = gone ? "will be removed" : isSet ? "is set; empty = unchanged" : "";
    update();
  };
}

function render({ model, el }) {
  el.classList.add("tk-fields");
  el.dataset.lmSuppressShortcuts = "true"; // keys typed here are not JupyterLab's commands
  const made = new Map(), boxes = [];
  const build = () => {
    made.clear();
    boxes.length = 0;
    const sections = model.get("sections").map((section) => {
      const rows = section.fields.map((spec) => {
        const one = field(spec, model, `tk-${crypto.getRandomValues(new Uint32Array(2)).join("")}`);
        made.set(spec.name, one);
        return one.row;
      });
      const title = section.title ? [element("h3", { textContent: section.title })] : [];
      const box = element("div", { className: "tk-section" }, ...title, ...rows);
      boxes.push([box, rows]);
      if (section.title) { box.setAttribute("role", "group"); box.setAttribute("aria-label", section.title); }
      return box;
    });
    el.replaceChildren(...sections);
    show();
  };
  const show = () => {
    made.forEach((one) => one.show());
    boxes.forEach(([box, rows]) => { box.hidden = rows.length > 0 && rows.every((row) => row.hidden); });
  };
  const focus = (name) => made.get(name)?.input.focus();
  const told = (content) => {
    if (content.focus) focus(content.focus);
    if (content.clear) made.get(content.clear)?.clear();
  };
  const shown = ["shown", "messages", "changed", "proposals", "is_set", "removed", "hidden", "disabled", "beside"];
  shown.forEach((name) => model.on(`change:${name}`, show));
  model.on("change:sections", build);
  model.on("msg:custom", told);
  build();
  // Asked for before there was anything to focus. The element is put into the page a little later than it is made.
  let tries = 60;
  const settle = () => {
    if (el.isConnected) focus(model.get("focused"));
    else if (tries--) requestAnimationFrame(settle);
  };
  if (model.get("focused")) requestAnimationFrame(settle);
  return () => {
    shown.forEach((name) => model.off(`change:${name}`, show));
    model.off("change:sections", build);
    model.off("msg:custom", told);
  };
}

export default { render };
