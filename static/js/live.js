// Something as it goes on, such as a sync: whenever the server says that something moved, the part of the page that shows it is fetched anew.
const part = document.querySelector("[data-live]");
const status = document.querySelector("[data-status]");
const PAUSE = 400;
let last = 0;
let waiting = false;
let over = false;
// What is shown, as the server sent it: what is the same stays, so that nobody's click or focus is lost for nothing.
let shown = part.innerHTML.trim();

function swap(fresh) {
  const sent = fresh.innerHTML.trim();
  if (sent === shown) return;
  shown = sent;
  const open = [...part.querySelectorAll("details[open]")].map((one) => one.id);
  const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  part.replaceChildren(...fresh.childNodes);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

async function fetchPart() {
  waiting = false;
  last = Date.now();
  try {
    const answer = await fetch(part.dataset.part, { headers: { accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    swap(fresh.body);
    const said = part.querySelector("[data-say]")?.dataset.say;
    if (said && status.textContent !== said) status.textContent = said;
    const badge = part.querySelector("[data-badge]")?.dataset.badge;
    for (const one of badges()) one.textContent = badge;
    if (part.querySelector("[data-over]")) await finish();
  } catch {
    // Aviary restarts, or the network is away; the next word or the slow pulse below tries again
  }
}

function move() {
  if (waiting || over) return;
  waiting = true;
  setTimeout(fetchPart, Math.max(0, PAUSE - (Date.now() - last)));
}

// This sync in the top bar.
const badges = () => document.querySelectorAll(`.top a.state.live[href="${location.pathname}"]`);

async function finish() {
  over = true;
  source.close();
  clearInterval(pulse);
  // What belongs to the running sync goes at once, and what can be done after it comes.
  const head = document.querySelector("[data-while-running]");
  const acts = head.querySelector(".acts");
  if (acts) acts.hidden = true;
  for (const one of document.querySelectorAll(".notice[data-passing]")) one.remove();
  if (!document.querySelector(".notices > *")) document.querySelector(".notices")?.remove();
  for (const one of badges()) one.remove();
  const answer = await fetch(location.pathname, { headers: { accept: "text/html" }, redirect: "error" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const same of [".head", ".side .nav", ".phone .nav"]) {
    const [old, now] = [document.querySelector(same), fresh.querySelector(same)];
    if (old && now) old.replaceWith(now);
  }
}

const source = new EventSource(part.dataset.live);
source.addEventListener("update", move);
// Should the stream break for good, look now and then.
const pulse = setInterval(() => {
  if (source.readyState !== EventSource.OPEN) move();
}, 3000);
move();
