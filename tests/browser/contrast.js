// Text that stands out too little from its ground (WCAG 2, level AA), as a list of sentences.
const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
const brush = canvas.getContext("2d", { willReadFrequently: true });
const known = new Map();

// Any color of CSS as [red, green, blue, alpha], 0 to 255 and 0 to 1.
function color(css) {
  if (!known.has(css)) {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = "#000";
    brush.fillStyle = css;
    brush.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
    known.set(css, [r, g, b, a / 255]);
  }
  return known.get(css);
}
const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
function light([r, g, b]) {
  const part = (n) => ((n /= 255) <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
}
function ratio(one, other) {
  const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}

// The ground of an element: all that lies under it, from the window up.
const canvasColor = getComputedStyle(document.documentElement).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
const grounds = new Map();
function ground(one) {
  if (!one) return canvasColor;
  if (!grounds.has(one)) grounds.set(one, over(color(getComputedStyle(one).backgroundColor), ground(one.parentElement)));
  return grounds.get(one);
}
const fades = new Map();
function faded(one) {
  if (!one) return 1;
  if (!fades.has(one)) fades.set(one, Number(getComputedStyle(one).opacity) * faded(one.parentElement));
  return fades.get(one);
}

const wrong = new Map();
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walk.nextNode(); node; node = walk.nextNode()) {
  const one = node.parentElement;
  if (!node.data.trim() || !one.checkVisibility({ visibilityProperty: true })) continue;
  // What cannot be used is exempt; what is hidden to the eye is not read by it.
  if (one.closest('[aria-disabled="true"], :disabled, option, .hide, .skip, noscript, title')) continue;
  const style = getComputedStyle(one);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const under = ground(one);
  const [r, g, b, a] = color(style.color);
  const has = ratio(over([r, g, b, a * faded(one)], under), under);
  const needs = large ? 3 : 4.5;
  if (has < needs) {
    const key = `${style.color} ${under}`;
    const said = `${has.toFixed(2)} instead of ${needs}: “${node.data.trim().slice(0, 40)}” ${style.color} on rgb(${under.slice(0, 3).map(Math.round)}) in ${one.cloneNode(false).outerHTML.slice(0, 80)}`;
    if (!wrong.has(key)) wrong.set(key, said);
  }
}
for (const one of document.querySelectorAll("input, textarea")) {
  if (!one.placeholder || !one.checkVisibility({ visibilityProperty: true })) continue;
  const under = ground(one);
  const has = ratio(over(color(getComputedStyle(one, "::placeholder").color), under), under);
  if (has < 4.5) wrong.set(`placeholder ${under}`, `${has.toFixed(2)} instead of 4.5: placeholder “${one.placeholder}”`);
}
return [...wrong.values()].slice(0, 6);
