// What came of an action. It comes into sight: the form that stood above it has gone, and the page has moved.
function render({ model, el }) {
  let waiting;
  const show = () => {
    el.innerHTML = model.get("value");
    clearTimeout(waiting);
    // The rest of the page changes in messages of its own, a little later.
    if (el.firstChild) waiting = setTimeout(() => el.scrollIntoView({ block: "nearest" }), 150);
  };
  model.on("change:value", show);
  el.innerHTML = model.get("value");
  return () => {
    clearTimeout(waiting);
    model.off("change:value", show);
  };
}

export default { render };
