// A secret that is shown once: it comes as a message when the page asks for it, and is never state of the widget.
function render({ model, el }) {
  const words = make("p", { textContent: model.get("words") });
  const secret = make("code", { tabIndex: 0, className: "tk-secret" });
  secret.setAttribute("aria-label", model.get("label"));
  const bar = make("div", { className: "tk-copy" });
  bar.append(...copyButton(secret));
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
