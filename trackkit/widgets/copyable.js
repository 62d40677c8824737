// A text that people carry elsewhere, with a button that copies it.
function render({ model, el }) {
  const text = make("code", { tabIndex: 0, className: "tk-secret" });
  const [copy, said] = copyButton(text);
  const words = make("span", {});
  const show = () => {
    words.textContent = model.get("label");
    text.setAttribute("aria-label", model.get("label"));
    copy.setAttribute("aria-label", `Copy: ${model.get("label")}`);
    text.textContent = model.get("text");
    el.hidden = !model.get("text");
  };
  model.on("change:text", show);
  el.classList.add("tk-copyable");
  el.dataset.lmSuppressShortcuts = "true";
  el.replaceChildren(words, text, copy, said);
  show();
  return () => model.off("change:text", show);
}

export default { render };
