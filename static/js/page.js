// Small comforts on every page: keys, filters that apply themselves, times that stay true, forms that are sent once.

import { say } from "./say.js";

export { say };

// Keys: "/" goes to the search field, "g" and a letter goes to a page.
let went = 0;
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea")) return;
  if (event.key === "/") {
    const fields = [...document.querySelectorAll("[data-focus]")];
    const field = fields.find((one) => one.closest("main")) ?? fields[0];
    if (field) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  } else if (event.key === "g") {
    went = Date.now();
  } else if (Date.now() - went < 1500 && /^[a-z]$/.test(event.key)) {
    went = 0;
    document.querySelector(`.nav [data-key="${event.key}"]`)?.click();
  }
});

// A list of choices in a filter applies at once.
for (const select of document.querySelectorAll("select[data-submit]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

// The menu on a phone closes with Escape and when something else is touched.
const menu = document.querySelector("details.phone");
if (menu) {
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
}

// Theme, density and side bar: shown at once, kept in the account meanwhile. The sign-in page finds the theme in this browser.
const root = document.documentElement;
function keep(theme) {
  try {
    localStorage.setItem("aviary-theme", theme);
  } catch {
    // storage is switched off: then that page is as the system has it
  }
}
keep(root.dataset.theme);
for (const form of document.querySelectorAll("form[data-look]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { name, value, dataset } = event.submitter;
    root.dataset[name] = value;
    if (name === "theme") keep(value);
    const words = dataset.words.split(" ");
    for (const button of document.querySelectorAll(`[data-look] [name="${name}"]`)) {
      button.value = words[(words.indexOf(value) + 1) % words.length];
      button.title = button.querySelector(".hide").textContent = `${dataset.what}: ${value}`;
    }
    say(`${dataset.what}: ${value}`);
    const body = new URLSearchParams({ _token: form.elements._token.value, [name]: value });
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
    if (answer?.type !== "opaqueredirect") say("This could not be kept in your account.");
  });
}

// The zone of this browser is one click away.
const own = document.querySelector("[data-own-zone]");
if (own) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  own.textContent += `: ${zone}`;
  own.hidden = false;
  own.addEventListener("click", () => (document.getElementById("timeZone").value = zone));
}

// A form that is on its way is not sent again.
addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "1";
  const button = event.submitter;
  const busy = button?.dataset.busy;
  // After the browser has read the form, so that the button's own value goes along.
  setTimeout(() => {
    button?.setAttribute("aria-disabled", "true");
    if (busy) button.textContent = busy;
  });
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
  }
});

// What is shown once can be copied and printed.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// "41 s ago" stays true; the title tells the exact time, in the zone of the account.
const loaded = Date.now();
function words(then, now) {
  const s = Math.floor(Math.abs(now - then) / 1000);
  const [n, unit] = s < 60 ? [s, "s"] : s < 3600 ? [Math.floor(s / 60), "min"] : s < 86400 ? [Math.floor(s / 3600), "h"] : [Math.floor(s / 86400), s < 172800 ? "day" : "days"];
  if (then > now) return `in ${Math.max(n, 1)} ${unit}`;
  return s < 5 ? "just now" : `${n} ${unit} ago`;
}
function refresh() {
  if (document.hidden) return;
  // By the server's clock, since that of this machine may be wrong.
  const served = Date.parse(document.querySelector("[data-now]")?.dataset.now ?? "");
  if (Number.isNaN(served)) return;
  const now = served + (Date.now() - loaded);
  for (const time of document.querySelectorAll("time[datetime]")) {
    const then = Date.parse(time.dateTime);
    if ("due" in time.dataset && then <= now) time.textContent = "due now";
    else if (now - then < 2592e6) time.textContent = words(then, now);
  }
}
refresh();
setInterval(refresh, 10_000);
addEventListener("visibilitychange", refresh);
