// Rows that are ticked stay ticked over the pages of a list, as long as the tab is open.
import { say } from "./say.js";

const address = new URL(location.href);
for (const name of ["after", "before", "offset", "cols", "col", "rows", "sort", "done"]) address.searchParams.delete(name);
const place = `picked ${address.pathname}${address.search}`;
const picked = new Set(JSON.parse(sessionStorage.getItem(place) ?? "[]"));
const boxes = () => [...document.querySelectorAll(".pick")];

function show() {
  const form = document.getElementById("picks");
  if (!form) return;
  const n = picked.size;
  for (const box of boxes()) box.checked = picked.has(box.value);
  const page = form.querySelector("[data-page]");
  page.hidden = false;
  const whole = page.querySelector("input");
  whole.checked = boxes().length > 0 && boxes().every((box) => box.checked);
  whole.indeterminate = !whole.checked && boxes().some((box) => box.checked);
  form.querySelector("[data-count]").textContent = `${n} ticked`;
  for (const one of form.querySelectorAll("[data-clear], [data-copy-picks]")) one.hidden = n === 0;
  form.classList.toggle("any", n > 0);
}

function keep(text) {
  sessionStorage.setItem(place, JSON.stringify([...picked]));
  show();
  say(text ?? `${picked.size} ticked`);
}

const mark = (box, is) => (is ? picked.add(box.value) : picked.delete(box.value));
addEventListener("change", ({ target }) => {
  if (target.matches(".pick")) mark(target, target.checked);
  else if (target.matches("[data-page] input")) for (const box of boxes()) mark(box, target.checked);
  else return;
  keep();
});
addEventListener("click", ({ target }) => {
  if (target.matches("[data-clear]")) {
    picked.clear();
    keep();
  } else if (target.matches("[data-copy-picks]")) {
    const ids = [...picked].map((key) => key.split("-")[1]).join("\n");
    navigator.clipboard?.writeText(ids).then(() => say(`${picked.size} ids copied`));
  }
});
// What is ticked on other pages goes along.
addEventListener("formdata", ({ target, formData }) => {
  if (target.id !== "picks") return;
  formData.delete("pick");
  for (const key of picked) formData.append("pick", key);
});
show();
new MutationObserver(show).observe(document.getElementById("main"), { childList: true });
