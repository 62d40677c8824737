// A small text file that holds a secret: it goes to Python as a message and is never state of the widget.
function render({ model, el }) {
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const input = make("input", { type: "file", hidden: true });
  const choose = make("button", { type: "button", textContent: model.get("words") });
  const said = make("span", { className: "tk-hint" });
  said.setAttribute("role", "status");
  choose.addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    const file = input.files[0];
    input.value = ""; // so that the same file can be chosen again
    if (!file) return;
    if (file.size > model.get("largest")) {
      said.textContent = `${file.name} is too large to be what is wanted here.`;
      return;
    }
    said.textContent = `Read from ${file.name}.`;
    model.send({ name: file.name, text: await file.text() });
  });
  el.classList.add("tk-copyable");
  el.dataset.lmSuppressShortcuts = "true";
  el.replaceChildren(choose, input, said);
}

export default { render };
