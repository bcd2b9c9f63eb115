// Rows that are ticked stay ticked over the pages of a list, as long as the tab is open.
import { say } from "./say.js";

const { pathname, searchParams } = new URL(location.href);
const filters = new URLSearchParams(searchParams);
for (const name of ["after", "before", "offset", "cols", "col", "rows", "sort", "done"]) filters.delete(name);
const place = `picked ${pathname}?${filters}`;
// What something was done with is not ticked any more.
if (searchParams.has("done")) sessionStorage.removeItem(place);
const picked = new Set(JSON.parse(sessionStorage.getItem(place) ?? "[]"));
const boxes = () => [...document.querySelectorAll(".pick")];

function show() {
  const form = document.getElementById("picks");
  if (!form) return;
  const page = form.querySelector("[data-page]");
  const [whole] = page.children;
  for (const box of boxes()) box.checked = picked.has(box.value);
  const n = boxes().filter((box) => box.checked).length;
  page.hidden = false;
  whole.checked = n > 0 && n === boxes().length;
  whole.indeterminate = n > 0 && !whole.checked;
  form.querySelector("[data-count]").textContent = `${picked.size} ticked`;
  for (const one of form.querySelectorAll("[data-clear], [data-copy-picks]")) one.hidden = !picked.size;
  form.classList.toggle("any", picked.size);
}

function keep() {
  sessionStorage.setItem(place, JSON.stringify([...picked]));
  show();
  say(`${picked.size} ticked`);
}

addEventListener("change", ({ target }) => {
  const page = target.matches("[data-page] input");
  if (!page && !target.matches(".pick")) return;
  for (const { value } of page ? boxes() : [target]) target.checked ? picked.add(value) : picked.delete(value);
  keep();
});
addEventListener("click", ({ target }) => {
  if (target.matches("[data-clear]")) {
    picked.clear();
    keep();
  } else if (target.matches("[data-copy-picks]")) {
    const ids = [...picked].map((key) => key.split("/").pop());
    navigator.clipboard?.writeText(ids.join("\n")).then(() => say("Copied"));
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
