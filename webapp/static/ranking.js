// Entries can be moved, by buttons or by choosing a place: the others make room, so that every
// state after the first move is an order. Without this script each place is chosen by hand.
for (const list of document.querySelectorAll(".entries")) {
  const status = list.nextElementSibling;
  const entries = () => [...list.children];
  const place = (entry) => entry.querySelector("select");

  // Moves an entry to a place, counted from 0, and writes everybody's place down.
  function move(entry, to) {
    const control = document.activeElement;
    const others = entries().filter((other) => other !== entry);
    list.insertBefore(entry, others[to] ?? null);
    for (const [index, each] of entries().entries()) place(each).value = String(index + 1);
    control?.focus();
    const words = entry.querySelector(".words").innerText;
    status.textContent = list.dataset.said.replace("{entry}", words).replace("{place}", to + 1);
    enable();
  }

  function enable() {
    const all = entries();
    for (const button of list.querySelectorAll("button")) {
      const index = all.indexOf(button.closest("li")) + Number(button.dataset.move);
      // Not disabled: that would take the focus away from who moves an entry to the end.
      button.setAttribute("aria-disabled", index < 0 || index >= all.length);
    }
  }

  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button || button.getAttribute("aria-disabled") === "true") return;
    const entry = button.closest("li");
    move(entry, entries().indexOf(entry) + Number(button.dataset.move));
    place(entry).dispatchEvent(new CustomEvent("change", { bubbles: true, detail: "moved" }));
  });
  list.addEventListener("change", (event) => {
    if (event.detail === "moved") return;
    const entry = event.target.closest("li");
    if (event.target.value !== "") return move(entry, Number(event.target.value) - 1);
    for (const each of entries()) place(each).value = "";
    status.textContent = "";
  });

  // A page that comes back with an order shows it as one.
  const given = entries().map((entry) => Number(place(entry).value));
  if (new Set(given).size === given.length && given.every(Boolean)) {
    list.append(...entries().sort((a, b) => place(a).value - place(b).value));
  }
  enable();
  for (const button of list.querySelectorAll("button")) button.hidden = false;
}
