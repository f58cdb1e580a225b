// Keeps a study's page current: fetches the part that changes, while somebody looks at it.
const EVERY = 5000;
const part = document.getElementById("live");

async function refresh() {
  if (document.hidden || part.contains(document.activeElement)) return;
  const answer = await fetch(part.dataset.source).catch(() => null);
  const current = answer?.ok && !answer.redirected;
  part.classList.toggle("stale", !current);
  if (current) part.innerHTML = await answer.text();
}

setInterval(refresh, EVERY);
