// The time that a page has: it is counted down where it can be seen, and what was answered is sent
// when it is over. Without JavaScript the page says how long it has, and the server keeps count.
const form = document.querySelector("form");
const clock = document.getElementById("clock");
const button = form.querySelector("button:not([name])");
const began = performance.now();
const passed = () => performance.now() - began;

function words(ms) {
  const seconds = Math.ceil(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

if (clock?.dataset.left) {
  const left = Number(clock.dataset.left);
  const shown = clock.querySelector(".left");
  const tick = () => {
    const rest = Math.max(left - passed(), 0);
    shown.textContent = words(rest);
    // Said aloud once, when it is time to come to an end.
    if (rest < 10_000) clock.setAttribute("aria-live", "polite");
    if (rest > 0) return;
    clearInterval(timer);
    form.requestSubmit(button);
  };
  const timer = setInterval(tick, 250);
  tick();
}

const wait = Number(form.dataset.wait ?? 0);
if (wait > 0) {
  const label = button.textContent;
  const tick = () => {
    const rest = Math.ceil((wait - passed()) / 1000);
    button.setAttribute("aria-disabled", String(rest > 0));
    button.textContent = rest > 0 ? form.dataset.waiting.replace("{seconds}", rest) : label;
    if (rest <= 0) clearInterval(timer);
  };
  const timer = setInterval(tick, 250);
  tick();
  form.addEventListener(
    "submit",
    (event) => {
      if (passed() < wait) {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
    },
    true,
  );
}
