// Small comforts on every page. Events are listened for at the top, so that parts that are fetched anew have them too.
import { say } from "./say.js";

export { say };

const root = document.documentElement;
const all = (what, within = document) => [...within.querySelectorAll(what)];
const on = (name, what, act) => addEventListener(name, (event) => {
  const one = event.target.closest?.(what);
  if (one) act(one, event);
});

// Keys, as `/admin/keys-help` lists them; a letter after "g" goes to a page.
let went = 0;
const press = {
  "/": () => {
    const fields = all("[data-focus]");
    const field = fields.find((one) => one.closest("main")) ?? fields[0];
    field?.focus();
    field?.select();
    return field;
  },
  "?": help,
  j: () => row(1),
  k: () => row(-1),
  o: () => here()?.querySelector("a")?.click(),
  x: () => here()?.querySelector(".pick")?.click(),
  "[": () => document.querySelector('main a[rel="prev"]')?.click(),
  "]": () => document.querySelector('main a[rel="next"]')?.click(),
};
addEventListener("keydown", (event) => {
  const busy = event.target.closest?.('input:not([type="checkbox"]), select, textarea, dialog');
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || busy) return;
  if (Date.now() - went < 1500) {
    went = 0;
    return document.querySelector(`.nav [data-key="${CSS.escape(event.key)}"]`)?.click();
  }
  if (event.key === "g") went = Date.now();
  else if (press[event.key]?.()) event.preventDefault();
});

// The focus goes from link to link, so Enter opens.
const here = () => document.activeElement.closest("main tbody tr");
function row(step) {
  const rows = all("main tbody tr").filter((one) => one.querySelector("a"));
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
  sheet.prepend(...page.querySelector("[data-keys]").childNodes);
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
}
on("click", "[data-help]", (_, event) => {
  event.preventDefault();
  help();
});

on("change", "select[data-submit]", (select) => select.form.requestSubmit());

// What drops down closes.
const drops = () => all("details.phone[open], details.pop[open]");
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const one of drops()) {
    one.open = false;
    one.querySelector("summary").focus();
  }
});
addEventListener("click", (event) => {
  for (const one of drops()) if (!one.contains(event.target)) one.open = false;
});

// What went well goes by itself, unless somebody is at it.
on("click", "[data-dismiss]", (link, event) => {
  event.preventDefault();
  link.closest(".notice").remove();
});
for (const one of all(".notice[data-leaves]")) {
  history.replaceState(null, "", document.querySelector("[data-look] [name=back]")?.value ?? "");
  const leave = () => (one.matches(":hover, :focus-within") ? setTimeout(leave, 4000) : one.remove());
  setTimeout(leave, 15_000);
}

// Theme, density and side bar: shown at once, kept in the account meanwhile. The sign-in page finds the theme in this browser.
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
  for (const button of all(`[data-look] [name="${name}"]`)) {
    button.value = words[(words.indexOf(value) + 1) % words.length];
    button.title = button.querySelector(".hide").textContent = `${dataset.what}: ${value}`;
  }
  say(`${dataset.what}: ${value}`);
  const body = new URLSearchParams({ _token: form.elements._token.value, [name]: value });
  const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
  if (answer?.type !== "opaqueredirect") say("This could not be kept in your account.");
});

const own = document.querySelector("[data-own-zone]");
if (own) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  own.textContent += `: ${zone}`;
  own.hidden = false;
  own.addEventListener("click", () => (document.getElementById("timeZone").value = zone));
}

// A form that is on its way is not sent again; one that gives a file stays.
addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.id === "picks") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  const button = event.submitter;
  const busy = button?.dataset.busy;
  // After the browser has read the form, so that the button's own value goes along.
  setTimeout(() => {
    button?.setAttribute("aria-disabled", "true");
    if (busy) button.textContent = busy;
  });
});
addEventListener("pageshow", () => {
  for (const form of all("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
  }
});

// What is for machines can be copied, what is shown once printed too.
async function copy(text, button) {
  await navigator.clipboard.writeText(text);
  say("Copied");
  if (button) button.textContent = "Copied";
}
for (const button of all("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
if (navigator.clipboard) {
  for (const button of all("[data-copy]")) button.hidden = false;
  for (const code of all(".facts dd > .mono, .truth .mono")) {
    const button = document.createElement("button");
    Object.assign(button, { className: "copy", type: "button", title: "Copy", ariaLabel: `Copy ${code.textContent}` });
    code.after(button);
  }
  on("click", ".copy", (button) => copy(button.previousElementSibling.textContent));
  on("click", "[data-copy]", (button) => copy(document.getElementById(button.dataset.copy).textContent, button));
}

// "41 s ago" stays true; the title tells the exact time, in the zone of the account.
const loaded = Date.now();
function words(then, now) {
  const s = Math.floor(Math.abs(now - then) / 1000);
  const [n, unit] = s < 60 ? [s, "s"] : s < 3600 ? [Math.floor(s / 60), "min"] : s < 86400 ? [Math.floor(s / 3600), "h"] : [Math.floor(s / 86400), s < 172800 ? "day" : "days"];
  if (then > now) return `in ${Math.max(n, 1)} ${unit}`;
  return s < 5 ? "just now" : `${n} ${unit} ago`;
}
let served = {};
function refresh() {
  if (document.hidden) return;
  // By the server's clock, since that of this machine may be wrong.
  const told = document.querySelector("[data-now]")?.dataset.now ?? "";
  if (told !== served.told) served = { told, at: served.told ? Date.now() : loaded };
  const now = Date.parse(told) + (Date.now() - served.at);
  if (Number.isNaN(now)) return;
  for (const time of all("time[datetime]")) {
    const then = Date.parse(time.dateTime);
    if ("due" in time.dataset && then <= now) time.textContent = "due now";
    else if (now - then < 2592e6) time.textContent = words(then, now);
  }
}
refresh();
setInterval(refresh, 10_000);
addEventListener("visibilitychange", refresh);
