// What is wider than the window and cannot be scrolled to, as a list of sentences.
const root = document.documentElement;
const room = root.clientWidth;
const wrong = [];
if (root.scrollWidth > room) wrong.push(`the page is ${root.scrollWidth} px wide`);
const tell = (one) => one.cloneNode(false).outerHTML.replace(/\s+/g, " ").slice(0, 140);

// In what is cut or scrolls on purpose, things may be wider.
function held(one) {
  for (let up = one; up && up !== document.body; up = up.parentElement) {
    const style = getComputedStyle(up);
    if (style.overflowX !== "visible" && up.getBoundingClientRect().right <= room + 1) return true;
    if (style.clipPath !== "none" && style.position === "absolute") return true;
  }
  return false;
}
for (const one of document.body.querySelectorAll("*")) {
  if (!one.checkVisibility({ visibilityProperty: true }) || one.closest("svg") !== null && one.tagName !== "svg") continue;
  const box = one.getBoundingClientRect();
  if (box.width === 0 || box.right <= room + 1 && box.left >= -1) continue;
  if (!held(one)) wrong.push(`reaches from ${Math.round(box.left)} to ${Math.round(box.right)} px: ${tell(one)} “${one.textContent.trim().slice(0, 40)}”`);
}
// Buttons whose words do not fit.
for (const one of document.querySelectorAll("button, .btn, .state, .tag, th")) {
  if (one.checkVisibility() && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === "hidden") wrong.push(`cut: ${tell(one)} “${one.textContent.trim()}”`);
}
// Where text ends in an ellipsis, a box within it is not shortened but left out.
for (const one of document.querySelectorAll("a, .tag, .state")) {
  const around = one.parentElement;
  const style = getComputedStyle(around);
  if (style.textOverflow !== "ellipsis" || style.overflowX !== "hidden" || getComputedStyle(one).display !== "inline-block" || !one.checkVisibility()) continue;
  if (one.getBoundingClientRect().right > around.getBoundingClientRect().right + 1) wrong.push(`left out: ${tell(one)} “${one.textContent.trim()}”`);
}
return wrong.slice(0, 6);
