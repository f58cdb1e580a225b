// Looking closer at what the server drew: how strong the colours lie over a picture, and which steps
// of a series are in view. Nothing here is needed to see or to answer.
const FAINT = 0.35; // of the picture under colours in full, as in credence.css
const CLOSEST = 5; // steps

for (const strength of document.querySelectorAll(".strength")) {
  const control = strength.querySelector("input");
  const stimulus = strength.closest(".stimulus");
  strength.hidden = false;
  const draw = () => {
    const part = control.value / 100;
    for (const colours of stimulus.querySelectorAll(".colours")) colours.style.opacity = part;
    for (const picture of stimulus.querySelectorAll(".faint")) {
      picture.style.opacity = 1 - (1 - FAINT) * part;
    }
  };
  control.addEventListener("input", draw);
  // A browser that goes back keeps where the control stood.
  draw();
}

for (const chart of document.querySelectorAll(".chart[data-steps]")) {
  const group = chart.querySelector(".zoom");
  if (group) zoom(chart, group);
}

function zoom(chart, group) {
  const pane = chart.querySelector(".window");
  const all = Number(chart.dataset.steps);
  const [, , width, height] = pane.getAttribute("viewBox").split(" ").map(Number);
  const said = group.querySelector("output");
  const button = (name) => group.querySelector(`[data-zoom="${name}"]`);
  let first = 0;
  let count = all;

  const moves = {
    in: () => look(first + count / 4, count / 2),
    out: () => look(first - count / 2, count * 2),
    back: () => look(first - count / 4, count),
    on: () => look(first + count / 4, count),
    all: () => look(0, all),
  };
  const keys = { "+": "in", "=": "in", "-": "out", ArrowLeft: "back", ArrowRight: "on", 0: "all" };

  function look(from, steps) {
    count = Math.round(Math.min(all, Math.max(CLOSEST, steps)));
    first = Math.round(Math.min(all - count, Math.max(0, from)));
    // The last step stands at the right edge, so there is one stretch fewer than steps.
    const stretch = width / (all - 1);
    pane.setAttribute("viewBox", `${first * stretch} 0 ${(count - 1) * stretch} ${height}`);
    const off = { in: count <= CLOSEST, out: count === all, all: count === all, back: first === 0, on: first + count === all };
    for (const [name, none] of Object.entries(off)) button(name).setAttribute("aria-disabled", none);
    const places = { first: first + 1, last: first + count, all };
    said.textContent = group.dataset.said.replace(/\{(\w+)\}/g, (_, name) => places[name]);
  }

  group.addEventListener("click", ({ target }) => moves[target.closest("[data-zoom]")?.dataset.zoom]?.());
  group.addEventListener("keydown", (event) => {
    const move = keys[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moves[move]();
  });
  group.hidden = false;
  look(0, all);
}
