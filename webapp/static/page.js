// What happens on a participant's page, in milliseconds of the browser's monotonic clock since the
// page was shown. It is sent when the page is hidden, and all of it again with the form: each event
// has its number in this view of the page, so the server keeps it once. Without JavaScript the
// server's own clock has to do.
const form = document.querySelector("form");
const stimulus = document.querySelector(".stimulus");
const shown = performance.now();
const view = [...crypto.getRandomValues(new Uint8Array(8))]
  .map((byte) => byte.toString(16).padStart(2, "0"))
  .join("");
const MOST = 400;
const LARGEST = 16_000;
const LOOK = 250; // ms that a pointer rests on a part before it counts as looked at
const STROKE = 1000; // ms within which the next change of the same item is part of the last
const PARTS = "[data-part], figure, .reading > span, svg rect, tr";

const events = [];
let size = 0;
let told = 0;
let gone = false;

// Dragging an edge is one change of size, and a stroke of a brush is one change of an answer.
function goesOn(kind, item, at) {
  const [last, before, of] = events.at(-1) ?? [];
  return events.length > told && kind === last && item === of
    && (kind === "resize" || (kind === "input" && at - shown - before < STROKE));
}

function note(kind, item = "", detail = "", at = performance.now()) {
  if (gone) return;
  if (goesOn(kind, item, at)) events.pop();
  const event = [kind, Math.round(at - shown), item];
  if (detail) event.push(detail);
  size += JSON.stringify(event).length + 1;
  // There is always room for the end.
  if (kind === "submit" || (events.length < MOST && size < LARGEST)) events.push(event);
}

const itemOf = (element) => {
  const name = element.name ?? element.closest(".item")?.querySelector("[name]")?.name ?? "";
  return name.startsWith("item-") ? name.slice(5) : "";
};

// What a part is called: by the display, else by its place among those of its kind.
function partOf(element) {
  if (element.dataset.part) return element.dataset.part.replace(/[^\w .:-]/g, "").slice(0, 40);
  const kind = element.localName;
  return `${kind} ${[...stimulus.querySelectorAll(kind)].indexOf(element) + 1}`;
}

const body = (from) => {
  const { seal, attempt } = form.elements;
  const sent = new URLSearchParams({ seal: seal.value, attempt: attempt.value, view, first: from });
  sent.set("events", JSON.stringify(events.slice(from)));
  return sent;
};

function tell() {
  if (told === events.length || !form.dataset.beacon) return;
  // Where the browser cannot take it, the form or the next time has it still.
  if (navigator.sendBeacon(form.dataset.beacon, body(told))) told = events.length;
}

note("shown");
for (const kind of ["pointerdown", "keydown"]) {
  const first = (event) => {
    if (!events.some(([noted]) => noted === "first")) note("first", "", kind.replace("down", ""));
    document.removeEventListener(kind, first, true);
  };
  document.addEventListener(kind, first, true);
}
form.addEventListener("change", (event) => {
  const item = itemOf(event.target);
  if (item) note("input", item);
});
document.addEventListener("visibilitychange", () => {
  note(document.hidden ? "blur" : "focus");
  if (document.hidden) tell();
});
window.addEventListener("blur", () => document.hidden || note("blur", "", "window"));
window.addEventListener("focus", () => note("focus", "", "window"));
window.addEventListener("pagehide", () => {
  tell();
  gone = true;
});
window.addEventListener("pageshow", () => {
  gone = false;
});
window.addEventListener("resize", () => {
  note("resize", "", `${window.innerWidth}x${window.innerHeight}`);
});

if (stimulus) {
  let part = null;
  let since = 0;
  const leave = (at) => {
    if (part && at - since >= LOOK) note("hover", "", `${partOf(part)}: ${Math.round(at - since)}`, since);
    part = null;
  };
  stimulus.addEventListener("pointerover", (event) => {
    const now = performance.now();
    const under = event.target.closest(PARTS);
    if (under === part) return;
    leave(now);
    part = under;
    since = now;
  });
  stimulus.addEventListener("pointerleave", () => leave(performance.now()));
  form.addEventListener("submit", () => leave(performance.now()));
  stimulus.addEventListener("toggle", ({ target }) => {
    if (target.open) note(target.matches(".token") ? "token" : "open", "", partOf(target));
  }, true);
  stimulus.addEventListener("change", ({ target }) => {
    if (itemOf(target)) return;
    const detail = `${partOf(target)}: ${target.value}`.replace(/[^\w .:-]/g, "").slice(0, 60);
    note(target.type === "radio" ? "token" : "adjust", "", detail);
  });
  stimulus.addEventListener("click", ({ target }) => {
    const zoom = target.closest("[data-zoom]")?.dataset.zoom;
    if (zoom) note("adjust", "", `zoom: ${zoom}`);
  });
}

form.addEventListener("submit", () => {
  note("submit");
  form.elements.view.value = view;
  form.elements.events.value = JSON.stringify(events);
  form.elements.viewport.value = `${window.innerWidth}x${window.innerHeight}`;
  told = events.length;
});
document.getElementById("summary")?.focus();
