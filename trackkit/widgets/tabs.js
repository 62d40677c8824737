// Tabs: one of them is in the order of the Tab key, arrows go from one to the next.
function render({ model, el }) {
  const bar = document.createElement("div");
  bar.setAttribute("role", "tablist");
  bar.setAttribute("aria-label", model.get("label"));
  bar.className = "tk-tabs";
  const choose = (number) => { model.set("chosen", number); model.save_changes(); };
  const show = () => {
    const focused = bar.contains(document.activeElement);
    const made = model.get("titles").map((title, number) => {
      const chosen = number === model.get("chosen");
      const tab = Object.assign(document.createElement("button"), { type: "button", textContent: title });
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      tab.addEventListener("click", () => choose(number));
      return tab;
    });
    bar.replaceChildren(...made);
    if (focused) made[model.get("chosen")]?.focus();
  };
  bar.addEventListener("keydown", (event) => {
    const last = model.get("titles").length - 1, now = model.get("chosen");
    const to = { ArrowRight: now === last ? 0 : now + 1, ArrowLeft: now === 0 ? last : now - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
  });
  el.dataset.lmSuppressShortcuts = "true";
  el.replaceChildren(bar);
  model.on("change:titles change:chosen", show);
  show();
  return () => model.off("change:titles change:chosen", show);
}

export default { render };
