// Marking by hand is ticking boxes. With this script a brush marks, too: press on one part, drag
// over others; all of them become what the first became. Arrow keys go from part to part.
for (const marks of document.querySelectorAll("[data-marks]")) {
  const boxes = [...marks.querySelectorAll("input")];
  const boxOf = (place) => {
    const unit = place?.dataset?.unit;
    return unit === undefined ? place?.closest(".unit")?.querySelector("input") : boxes[unit];
  };
  let brush = null;

  function paint(box, state) {
    if (!box || box.checked === state) return;
    box.checked = state;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  marks.addEventListener("pointerdown", (event) => {
    const box = boxOf(event.target);
    // A finger scrolls the page; it marks by taps, as without this script.
    if (!box || event.pointerType === "touch" || event.button !== 0) return;
    brush = !box.checked;
    paint(box, brush);
  });
  marks.addEventListener("pointerover", (event) => {
    if (event.buttons === 0) brush = null;
    if (brush !== null) paint(boxOf(event.target), brush);
  });
  window.addEventListener("pointerup", () => setTimeout(() => { brush = null; }));
  marks.addEventListener("dragstart", (event) => event.preventDefault());
  marks.addEventListener("click", (event) => {
    const unit = event.target.dataset.unit;
    // The brush has painted already; the click that follows must not undo it.
    if (brush !== null) event.preventDefault();
    else if (unit !== undefined) paint(boxes[unit], !boxes[unit].checked);
  });
  const row = marks.classList.contains("marks-image") ? Math.round(Math.sqrt(boxes.length)) : 1;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row };
  marks.addEventListener("keydown", (event) => {
    const at = boxes.indexOf(event.target);
    const next = boxes[at + (steps[event.key] ?? 0)];
    if (at < 0 || !(event.key in steps) || !next) return;
    event.preventDefault();
    next.focus();
  });
}
