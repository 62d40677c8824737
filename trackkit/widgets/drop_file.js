// A place to drop a file on, with a button for those who choose it; its bytes go to Python as a message, not as state.
function render({ model, el }) {
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const input = make("input", { type: "file", hidden: true, accept: model.get("accept") });
  input.setAttribute("aria-label", model.get("words"));
  const choose = make("button", { type: "button", textContent: model.get("words") });
  const hint = make("span", { className: "tk-hint", textContent: model.get("hint") });
  const said = make("span", { className: "tk-hint" });
  said.setAttribute("role", "status");
  const take = async (file) => {
    if (!file) return;
    if (file.size > model.get("largest")) {
      said.textContent = `${file.name} is larger than ${Math.floor(model.get("largest") / 1048576)} MB.`;
      return;
    }
    said.textContent = `Read ${file.name}.`;
    model.send({ name: file.name }, undefined, [await file.arrayBuffer()]);
  };
  choose.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = ""; // so that the same file can be chosen again
    take(file);
  });
  el.addEventListener("dragover", (event) => { event.preventDefault(); el.classList.add("tk-over"); });
  el.addEventListener("dragleave", () => el.classList.remove("tk-over"));
  el.addEventListener("drop", (event) => {
    event.preventDefault();
    el.classList.remove("tk-over");
    take(event.dataTransfer.files[0]);
  });
  el.classList.add("tk-drop");
  el.dataset.lmSuppressShortcuts = "true";
  el.replaceChildren(choose, input, hint, said);
}

export default { render };
