// What happens on a participant's page, in milliseconds of the browser's monotonic clock since the
// page was shown. It travels with the form; without JavaScript the server's clock has to do.
const form = document.querySelector("form");
const shown = performance.now();
const events = [];
const MOST = 400;

function note(kind, item = "") {
  if (events.length < MOST) events.push([kind, Math.round(performance.now() - shown), item]);
}

note("shown");
form.addEventListener("change", (event) => note("input", event.target.name.replace(/^item-/, "")));
document.addEventListener("visibilitychange", () => note(document.hidden ? "blur" : "focus"));
window.addEventListener("resize", () => {
  if (events.at(-1)?.[0] !== "resize") note("resize");
});
form.addEventListener("submit", () => {
  note("submit");
  form.elements.events.value = JSON.stringify(events);
  form.elements.viewport.value = `${window.innerWidth}x${window.innerHeight}`;
});
document.getElementById("summary")?.focus();
