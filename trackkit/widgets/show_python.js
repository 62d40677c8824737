// "Show as Python": code that does the same thing, to be copied.
function render({ model, el }) {
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const code = make("pre", { tabIndex: 0 });
  code.setAttribute("aria-label", "Python");
  const copy = make("button", { type: "button", className: "tk-small", textContent: "Copy" });
  const said = make("span", { className: "tk-hint" });
  said.setAttribute("role", "status");
  const select = () => getSelection().selectAllChildren(code);
  copy.addEventListener("click", async () => {
    select();
    try {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = "Copied.";
    } catch {
      said.textContent = "Selected; copy it with the keyboard."; // browsers allow the clipboard on secure pages only
    }
  });
  const bar = make("div", { className: "tk-copy" });
  bar.append(copy, said);
  const details = make("details", { className: "tk-python" });
  details.append(make("summary", { textContent: "Show as Python" }), code, bar);
  const show = () => { code.textContent = model.get("code"); said.textContent = ""; };
  model.on("change:code", show);
  show();
  el.dataset.lmSuppressShortcuts = "true";
  el.replaceChildren(details);
  return () => model.off("change:code", show);
}

export default { render };
