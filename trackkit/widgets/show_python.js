// "Show as Python": code that does the same thing, to be copied.
function render({ model, el }) {
  const code = make("pre", { tabIndex: 0 });
  code.setAttribute("aria-label", "Python");
  const [copy, said] = copyButton(code);
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
