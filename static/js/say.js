// Tells those who do not see the page what happened on it, politely. Safe to import from anywhere: it does nothing by itself.
export function say(text) {
  const place = document.getElementById("live-status");
  if (!place) return;
  place.textContent = "";
  setTimeout(() => (place.textContent = text), 50);
}
