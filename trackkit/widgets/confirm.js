// A question in the page. No is where the focus goes and what Escape means; afterwards the focus goes back.
function render({ model, el }) {
  const id = `tk-${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
  const before = document.activeElement;
  el.classList.add("tk-question");
  el.setAttribute("role", "alertdialog");
  el.setAttribute("aria-labelledby", id);
  el.dataset.lmSuppressShortcuts = "true";
  const words = Object.assign(document.createElement("p"), { id });
  words.textContent = model.get("question");
  const answers = document.createElement("div");
  answers.className = "tk-actions";
  const answer = (yes) => {
    model.send({ yes });
    if (before?.isConnected) before.focus();
  };
  const button = (text, yes) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    if (yes) made.className = "tk-primary";
    made.addEventListener("click", () => answer(yes));
    answers.append(made);
    return made;
  };
  const no = button(model.get("no"), false);
  button(model.get("yes"), true);
  el.replaceChildren(words, answers);
  el.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    answer(false);
  });
  // The element is put into the page a little later than it is made.
  let tries = 60;
  const focus = () => {
    if (el.isConnected) { no.focus(); el.scrollIntoView({ block: "nearest" }); } else if (tries--) requestAnimationFrame(focus);
  };
  requestAnimationFrame(focus);
}

export default { render };
