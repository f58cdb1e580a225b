// A slider has no value until it is touched: the line is a hand for the number beside it, which is
// what the form sends and what works without this script.
for (const line of document.querySelectorAll(".line")) {
  const range = line.querySelector("input");
  const number = document.getElementById(line.dataset.number);

  // The line shows what the number says, or that it says nothing.
  function follow() {
    const value = Number(number.value.replace(",", "."));
    const there = number.value.trim() !== "" && value >= range.min && value <= range.max;
    if (there) range.value = value;
    range.classList.toggle("untouched", !there);
    range.setAttribute("aria-valuetext", there ? number.value : range.dataset.untouched);
  }

  function take() {
    number.value = range.value;
    follow();
  }

  function settle() {
    take();
    number.dispatchEvent(new Event("change", { bubbles: true }));
  }

  range.addEventListener("input", take);
  range.addEventListener("change", (event) => {
    event.stopPropagation();
    settle();
  });
  // Touching the line where it rests changes nothing, but it is an answer.
  range.addEventListener("click", () => number.value.trim() === "" && settle());
  range.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    settle();
  });
  number.addEventListener("input", follow);
  // A browser that goes back puts the number in again, and tells nobody.
  window.addEventListener("pageshow", follow);
  follow();
  line.hidden = false;
}
