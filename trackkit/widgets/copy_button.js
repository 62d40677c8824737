// What copies a text: stands before the script of each widget that shows one (`copy_button.py`).
const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

// The button, and the line that says what came of it. `source` is the element whose text is copied.
function copyButton(source) {
  const said = make("span", { className: "tk-hint" });
  said.setAttribute("role", "status");
  const copy = make("button", { type: "button", className: "tk-small", textContent: "Copy" });
  copy.addEventListener("click", async () => {
    getSelection().selectAllChildren(source);
    try {
      await navigator.clipboard.writeText(source.textContent);
      said.textContent = "Copied.";
    } catch {
      said.textContent = "Selected; copy it with the keyboard."; // browsers allow the clipboard on secure pages only
    }
  });
  return [copy, said];
}

