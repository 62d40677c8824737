// A text that people carry elsewhere, with a button that copies it.
function render({ model, el }) {
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const text = make("code", { tabIndex: 0, className: "tk-secret" });
  const said = make("span", { className: "tk-hint" });
  said.setAttribute("role", "status");
  const copy = make("button", { type: "button", className: "tk-small", textContent: "Copy" });
  copy.addEventListener("click", async () => {
    getSelection().selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.textContent);
      said.textContent = "Copied.";
    } catch {
      said.textContent = "Selected; copy it with the keyboard."; // browsers allow the clipboard on secure pages only
    }
  });
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
