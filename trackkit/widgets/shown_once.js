// A secret that is shown once: it comes as a message when the page asks for it, and is never state of the widget.
function render({ model, el }) {
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const words = make("p", { textContent: model.get("words") });
  const secret = make("code", { tabIndex: 0, className: "tk-secret" });
  secret.setAttribute("aria-label", model.get("label"));
  const said = make("span", { className: "tk-hint" });
  said.setAttribute("role", "status");
  const copy = make("button", { type: "button", className: "tk-small", textContent: "Copy" });
  copy.addEventListener("click", async () => {
    getSelection().selectAllChildren(secret);
    try {
      await navigator.clipboard.writeText(secret.textContent);
      said.textContent = "Copied.";
    } catch {
      said.textContent = "Selected; copy it with the keyboard."; // browsers allow the clipboard on secure pages only
    }
  });
  const bar = make("div", { className: "tk-copy" });
  bar.append(copy, said);
  const told = (message) => { if (typeof message?.secret === "string") secret.textContent = message.secret; };
  model.on("msg:custom", told);
  el.className += " tk-status tk-good";
  el.setAttribute("role", "status");
  el.dataset.lmSuppressShortcuts = "true";
  el.replaceChildren(words, secret, bar);
  model.send({ ready: true });
  return () => model.off("msg:custom", told);
}

export default { render };
