// What is wrong with the structure of this page, as a list of sentences.
const wrong = [];
const all = (selector) => [...document.querySelectorAll(selector)];
const tell = (one) => {
  const text = one.cloneNode(false).outerHTML.replace(/\s+/g, " ");
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
};
const words = (one) => (one?.textContent ?? "").trim();
const byIds = (ids) => (ids ?? "").split(/\s+/).filter(Boolean).map((id) => words(document.getElementById(id))).join(" ").trim();
const shown = (one) => one.checkVisibility({ visibilityProperty: true });

// What assistive technology says it is called.
function name(one) {
  return byIds(one.getAttribute("aria-labelledby")) || one.getAttribute("aria-label")?.trim() || inner(one);
}
function inner(one) {
  let text = "";
  for (const child of one.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) text += child.data;
    else if (child.nodeType === Node.ELEMENT_NODE && child.getAttribute("aria-hidden") !== "true" && !child.hidden) {
      text += child.tagName === "IMG" ? (child.alt ?? "") : inner(child);
    }
  }
  return text.trim();
}

if (!document.documentElement.lang) wrong.push("html has no lang");
if (!document.title.trim()) wrong.push("no title");
if (document.compatMode !== "CSS1Compat") wrong.push("quirks mode");
if (!document.querySelector('meta[name="viewport"]')) wrong.push("no viewport");
if (all("main").length !== 1) wrong.push(`${all("main").length} main instead of one`);

const heads = all("h1, h2, h3, h4, h5, h6").filter(shown);
const first = heads.filter((one) => one.tagName === "H1");
if (first.length !== 1) wrong.push(`${first.length} h1 instead of one`);
for (const one of heads) if (!words(one)) wrong.push(`empty heading ${tell(one)}`);
let level = 1;
for (const one of heads.filter((one) => one.closest("main"))) {
  const here = Number(one.tagName[1]);
  if (here > level + 1) wrong.push(`${one.tagName} “${words(one)}” comes after level ${level}`);
  level = here;
}

const ids = new Map();
for (const one of all("[id]")) ids.set(one.id, (ids.get(one.id) ?? 0) + 1);
for (const [id, count] of ids) {
  if (count > 1) wrong.push(`id “${id}” is used ${count} times`);
  if (!id.trim()) wrong.push("an empty id");
}
for (const attribute of ["for", "aria-labelledby", "aria-describedby", "aria-controls", "list", "headers"]) {
  for (const one of all(`[${attribute}]`)) {
    for (const id of one.getAttribute(attribute).split(/\s+/).filter(Boolean)) {
      if (!ids.has(id)) wrong.push(`${attribute} leads nowhere: ${tell(one)}`);
    }
  }
}

for (const one of all("img:not([alt])")) wrong.push(`no alt: ${tell(one)}`);
for (const one of all("svg")) {
  const hidden = one.closest('[aria-hidden="true"]');
  const named = one.getAttribute("role") === "img" && (name(one) || words(one.querySelector("title")));
  if (!hidden && !named) wrong.push(`a picture without a name: ${tell(one)} in ${tell(one.parentElement)}`);
}
for (const one of all('input:not([type="hidden"]), select, textarea')) {
  const labelled = [...(one.labels ?? [])].some((label) => words(label));
  if (!labelled && !one.getAttribute("aria-label")?.trim() && !byIds(one.getAttribute("aria-labelledby"))) {
    wrong.push(`a field without a label: ${tell(one)}`);
  }
}
for (const one of all("button, a[href], summary, [role=button], [role=link]")) {
  if (!name(one)) wrong.push(`nameless: ${tell(one)}`);
}
for (const one of all("a")) {
  const href = one.getAttribute("href");
  if (href === null || href === "" || href === "#" || /^javascript:/i.test(href)) wrong.push(`a link to nowhere: ${tell(one)}`);
}
for (const one of all("progress, meter, [role=region], nav, form[role=search], dialog")) {
  const needs = one.tagName !== "FORM" && (one.tagName !== "NAV" || all("nav").length > 1);
  if (needs && !byIds(one.getAttribute("aria-labelledby")) && !one.getAttribute("aria-label")?.trim()) wrong.push(`nameless: ${tell(one)}`);
}
for (const one of all("table")) {
  if (!words(one.caption) && !name(one)) wrong.push(`a table without a caption: ${tell(one)}`);
  for (const head of one.querySelectorAll("th")) if (!words(head)) wrong.push(`an empty heading in the table “${name(one)}”`);
  for (const head of one.querySelectorAll("th:not([scope])")) wrong.push(`a heading of a table without scope: “${words(head)}”`);
}
for (const one of all('[aria-hidden="true"] :is(a[href], button, input, select, textarea, [tabindex]):not([tabindex="-1"])')) wrong.push(`hidden but can be reached: ${tell(one)}`);
for (const one of all("[tabindex]")) if (one.tabIndex > 0) wrong.push(`disturbs the order of Tab: ${tell(one)}`);
for (const one of all("ul > :not(li, script, template), ol > :not(li, script, template), dl > :not(dt, dd, div)")) wrong.push(`not in its list: ${tell(one)}`);
for (const one of all(":is(a, button, label, summary) :is(a[href], button)")) wrong.push(`one control in another: ${tell(one)}`);
for (const one of all("form form")) wrong.push(`a form in a form: ${tell(one)}`);
for (const one of all("[style]")) wrong.push(`a style in the page: ${tell(one)}`);
for (const one of all("script:not([src])")) wrong.push(`a script in the page: ${tell(one)}`);

const strange = /\bundefined\b|\bNaN\b|\[object |\bSome\(|&(amp|lt|gt|quot|#\d+);/.exec(document.body.innerText);
if (strange) wrong.push(`“${strange[0]}” stands on the page`);

// Nothing comes from elsewhere.
for (const entry of performance.getEntriesByType("resource")) {
  if (new URL(entry.name).origin !== location.origin) wrong.push(`asked another origin: ${entry.name}`);
  else if (entry.responseStatus >= 400) wrong.push(`${entry.responseStatus}: ${entry.name}`);
}
return [...new Set(wrong)];
