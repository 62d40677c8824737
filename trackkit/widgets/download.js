// A file that comes in pieces and is saved as a download when the last one is here. Each piece is acknowledged, so
// that the kernel never has more than a few of them on the way.
function render({ model, el }) {
  let pieces = [];
  const told = (content, buffers) => {
    if (content.begin) pieces = [];
    if (content.piece) {
      pieces.push(buffers[0]);
      model.send({ got: content.piece });
    }
    if (!content.name) return;
    const url = URL.createObjectURL(new Blob(pieces, { type: "application/octet-stream" }));
    pieces = [];
    const link = Object.assign(document.createElement("a"), { href: url, download: content.name, hidden: true });
    el.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  };
  model.on("msg:custom", told);
  return () => model.off("msg:custom", told);
}

export default { render };
