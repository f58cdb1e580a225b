// Keeps a study's page current: fetches the part that changes, while somebody looks at it.
const EVERY = 5000;
const part = document.getElementById("live");

async function refresh() {
  if (document.hidden || part.contains(document.activeElement)) return;
  const answer = await fetch(part.dataset.source, { headers: { Accept: "text/html" } });
  if (answer.ok && !answer.redirected) part.innerHTML = await answer.text();
}

setInterval(() => refresh().catch(() => {}), EVERY);
