// Small comforts on every page. Events are listened for at the top, so that parts that are fetched anew have them too.
import { say } from "./say.js";

const root = document.documentElement;
const one = (what) => document.querySelector(what);
const all = (what) => [...document.querySelectorAll(what)];
const on = (name, what, act) => addEventListener(name, (event) => {
  const it = event.target.closest?.(what);
  if (it) act(it, event);
});

// Keys, as `/admin/keys-help` lists them; a letter after "g" goes to a page.
let went = 0;
const press = {
  "/": () => {
    const field = one("main [data-focus]") ?? one("[data-focus]");
    field?.focus();
    field?.select();
    return field;
  },
  "?": help,
  j: () => row(1),
  k: () => row(-1),
  o: () => here()?.querySelector("a")?.click(),
  x: () => here()?.querySelector(".pick")?.click(),
  "[": () => one('main a[rel="prev"]')?.click(),
  "]": () => one('main a[rel="next"]')?.click(),
};
addEventListener("keydown", (event) => {
  const busy = event.target.closest?.("input:not([type=checkbox]), select, textarea, dialog");
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || busy) return;
  const { key } = event;
  if (Date.now() - went < 1500) {
    went = 0;
    one(`.nav [data-key="${CSS.escape(key)}"]`)?.click();
  } else if (key === "g") went = Date.now();
  else if (press[key]?.()) event.preventDefault();
});

// The focus goes from link to link, so Enter opens.
const here = () => document.activeElement.closest("main tbody tr");
function row(step) {
  const rows = all("main tbody tr:has(a)");
  const at = rows.indexOf(here());
  const next = rows[at < 0 ? 0 : at + step]?.querySelector("a");
  next?.focus();
  return next;
}

async function help() {
  const answer = await fetch("/admin/keys-help");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const sheet = document.createElement("dialog");
  sheet.className = "keys";
  sheet.ariaLabel = "Keys";
  sheet.innerHTML = '<form method="dialog"><button class="btn" autofocus>Close</button></form>';
  sheet.append(...page.querySelector("[data-keys]").childNodes);
  sheet.onclose = () => sheet.remove();
  document.body.append(sheet);
  sheet.showModal();
}
on("click", "[data-help]", (_, event) => {
  event.preventDefault();
  help();
});

on("change", "select[data-submit]", (select) => select.form.requestSubmit());

// What drops down closes; from a field that finds, the keys come back.
const drops = () => all("details:is(.phone, .pop)[open]");
addEventListener("keydown", ({ key, target }) => {
  if (key === "Escape" && target.matches?.("[data-focus]")) target.blur();
  for (const drop of key === "Escape" ? drops() : []) {
    drop.open = false;
    drop.querySelector("summary").focus();
  }
});
addEventListener("click", ({ target }) => {
  for (const drop of drops()) drop.open = drop.contains(target);
});

// What went well goes by itself, unless somebody is at it.
on("click", "[data-dismiss]", (link, event) => {
  event.preventDefault();
  link.closest(".notice").remove();
});
for (const notice of all("[data-leaves]")) {
  const leave = () => (notice.matches(":hover, :focus-within") ? setTimeout(leave, 4000) : notice.remove());
  setTimeout(leave, 15_000);
}

// Theme, density and side bar: shown at once, kept in the account meanwhile; the theme also here, for the sign-in page.
function keep(theme) {
  try {
    localStorage.setItem("aviary-theme", theme);
  } catch {} // storage is switched off
}
keep(root.dataset.theme);
on("submit", "form[data-look]", async (form, event) => {
  event.preventDefault();
  const { name, value, dataset } = event.submitter;
  root.dataset[name] = value;
  if (name === "theme") keep(value);
  const words = dataset.words.split(" ");
  const said = `${dataset.what}: ${value}`;
  for (const button of all(`[data-look] [name="${name}"]`)) {
    button.value = words[(words.indexOf(value) + 1) % words.length];
    button.title = button.querySelector(".hide").textContent = said;
  }
  say(said);
  const body = new URLSearchParams({ _token: form.elements._token.value, [name]: value });
  const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
  if (answer?.type !== "opaqueredirect") say("This could not be kept in your account.");
});

const own = one("[data-own-zone]");
if (own) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  own.textContent += `: ${zone}`;
  own.hidden = false;
  own.onclick = () => (one("#timeZone").value = zone);
}

// A form that is on its way is not sent again; one that gives a file stays.
addEventListener("submit", (event) => {
  const { target: form, submitter: button } = event;
  if (event.defaultPrevented || form.method !== "post" || form.id === "picks") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  // After the browser has read the form, so that the button's own value goes along.
  setTimeout(() => {
    button?.setAttribute("aria-disabled", "true");
    if (button?.dataset.busy) button.textContent = button.dataset.busy;
  });
});
addEventListener("pageshow", () => {
  for (const form of all("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
  }
});

// What is for machines can be copied, what is shown once printed too.
for (const button of all("[data-print]")) {
  button.hidden = false;
  button.onclick = () => print();
}
if (navigator.clipboard) {
  for (const button of all("[data-copy]")) button.hidden = false;
  for (const code of all(".facts dd > .mono, .truth .mono")) {
    const button = document.createElement("button");
    code.after(Object.assign(button, { className: "copy", type: "button", title: "Copy", ariaLabel: `Copy ${code.textContent}` }));
  }
  on("click", ".copy, [data-copy]", async (button) => {
    const from = one(`#${button.dataset.copy}`) ?? button.previousElementSibling;
    await navigator.clipboard.writeText(from.textContent);
    say("Copied");
    if (button.dataset.copy) button.textContent = "Copied";
  });
}

// "41 s ago" stays true, by the server's clock; the title tells the exact time, in the zone of the account.
const UNITS = [[172_800, 86_400, "days"], [86_400, 86_400, "day"], [3600, 3600, "h"], [60, 60, "min"], [0, 1, "s"]];
function words(then, now) {
  const s = Math.floor(Math.abs(now - then) / 1000);
  const [, size, unit] = UNITS.find(([from]) => s >= from);
  const n = Math.floor(s / size);
  if (then > now) return `in ${Math.max(n, 1)} ${unit}`;
  return s < 5 ? "just now" : `${n} ${unit} ago`;
}
let told = one("[data-now]")?.dataset.now;
let at = Date.now();
function refresh() {
  if (document.hidden || !told) return;
  const { now: newer } = one("[data-now]").dataset;
  if (newer !== told) [told, at] = [newer, Date.now()];
  const now = Date.parse(told) + Date.now() - at;
  for (const time of all("time[datetime]")) {
    const then = Date.parse(time.dateTime);
    if ("due" in time.dataset && then <= now) time.textContent = "due now";
    else if (now - then < 2592e6) time.textContent = words(then, now);
  }
}
refresh();
setInterval(refresh, 10_000);
addEventListener("visibilitychange", refresh);
