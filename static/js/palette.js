// The palette: go to or do anything by typing. What it lists comes from the server, which knows what its reader may. What was opened
// lately is kept in this browser only, for this reader, until they sign out.
const KEY = "aviary-recent";
const me = document.querySelector(".top .me")?.title;
const dialog = document.getElementById("palette");
const [field, list, status] = dialog.children;
const here = location.pathname + location.search.replace(/[?&]done=[^&]*/, "");
let asked = 0;
let timer;

function recent() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    return kept.of === me ? kept.pages.filter(([to]) => to !== here && /^\/admin\b(?!\/\/)/.test(to)) : [];
  } catch {
    return []; // nothing was kept, or storage is switched off
  }
}
function keep(pages) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ of: me, pages }));
  } catch {
    // then nothing is kept
  }
}
// A list stands once for each thing that was looked for in it.
const looked = new URLSearchParams(location.search).get("q")?.trim();
const title = document.title.replace(/ · Aviary$/, "") + (looked ? `: ${looked.slice(0, 60)}` : "");
const is = ([to, text]) => text === title && to.split("?")[0] === location.pathname;
keep([[here, title], ...recent().filter((one) => !is(one))].slice(0, 13));
document.querySelector('[action="/admin/logout"]').addEventListener("submit", () => keep([]));

const options = () => [...list.querySelectorAll("[role=option]")];

function point(to) {
  for (const one of options()) one.setAttribute("aria-selected", one === to);
  field.setAttribute("aria-activedescendant", to?.id ?? "");
  to?.scrollIntoView({ block: "nearest" });
}

function lately() {
  const group = document.createElement("div");
  group.role = "group";
  group.ariaLabel = group.dataset.title = "Lately";
  for (const [to, text] of recent()) {
    const link = group.appendChild(document.createElement("a"));
    link.role = "option";
    link.tabIndex = -1;
    link.href = to;
    link.textContent = text;
  }
  if (group.firstChild) list.prepend(group);
}

async function ask() {
  const mine = ++asked;
  const text = field.value.trim();
  let html = "Aviary does not answer at the moment.";
  try {
    const answer = await fetch(`/admin/palette?q=${encodeURIComponent(text)}`, { redirect: "error" });
    if (answer.ok) html = await answer.text();
  } catch {
    // said so
  }
  if (mine !== asked) return; // there is a later question
  list.innerHTML = html;
  if (!text) lately();
  for (const one of options()) if (one.dataset.press && !document.querySelector(one.dataset.press)) one.remove();
  const all = options();
  all.forEach((one, n) => (one.id = `palette-${n}`));
  point(all[0]);
  status.textContent = `${all.length} found`;
}

function open() {
  field.value = "";
  dialog.showModal();
  ask();
}

addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
  event.preventDefault();
  if (dialog.open) dialog.close();
  else open();
});
field.addEventListener("input", () => {
  asked++;
  clearTimeout(timer);
  timer = setTimeout(ask, 120);
});
field.addEventListener("keydown", (event) => {
  const all = options();
  const at = all.findIndex((one) => one.ariaSelected === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) point(all.at((at + step) % all.length));
  else if (event.key === "Enter") all[at]?.click();
  else return;
  event.preventDefault();
});
list.addEventListener("click", (event) => {
  const press = event.target.closest("[role=option]")?.dataset.press;
  if (press) event.preventDefault();
  dialog.close();
  if (press) document.querySelector(press)?.click();
});
// Beside the box is outside.
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
for (const button of document.querySelectorAll("[data-palette]")) {
  button.hidden = false;
  button.addEventListener("click", open);
}
