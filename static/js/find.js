// The search page: what comes in from now on, newest first, as long as somebody wants to see it.
const part = document.querySelector("[data-tail]");
const button = document.querySelector("[data-follow]");
const hits = part?.querySelector("[data-tail-hits]");
const said = part?.querySelector("[data-tail-said]");
const MOST = 200;
let source;
let last = "";
let count = 0;

function row(hit) {
  const line = document.createElement("li");
  const what = document.createElement("div");
  what.className = "what";
  const tag = document.createElement("span");
  tag.className = "tag";
  tag.textContent = hit.kind;
  const link = document.createElement("a");
  link.className = "name";
  link.href = hit.href;
  link.dir = "auto";
  link.append(...hit.marks.map(({ text, fits }) => {
    const piece = document.createElement(fits ? "mark" : "span");
    piece.textContent = text;
    return piece;
  }));
  const first = document.createElement("div");
  first.className = "line";
  const state = document.createElement("span");
  state.textContent = hit.state ?? "";
  first.append(tag, link, state);
  what.append(first);
  const sub = document.createElement("div");
  sub.className = "sub";
  sub.dir = "auto";
  sub.textContent = hit.lines.map(({ name, text }) => `${name} ${text}`.trim()).join(" · ");
  what.append(sub);
  const when = document.createElement("span");
  when.className = "when";
  const time = document.createElement("time");
  time.dateTime = hit.at;
  time.textContent = "just now";
  when.append(time);
  line.append(what, when);
  return line;
}

// One stream a tab: what else moves waits until this ends. Nobody follows in a tab that nobody sees, and nothing is missed.
function listen() {
  const on = "follows" in document.body.dataset;
  if (!on || document.hidden) {
    source?.close();
    source = undefined;
  } else if (!source) {
    const address = new URL(part.dataset.tail, location.href);
    if (last) address.searchParams.set("last", last);
    source = new EventSource(address);
    source.addEventListener("hit", (event) => {
      last = event.lastEventId;
      hits.prepend(row(JSON.parse(event.data)));
      while (hits.children.length > MOST) hits.lastChild.remove();
      said.textContent = `${++count} came in`;
    });
    source.addEventListener("end", () => turn(false, "You are no longer signed in. Load the page again."));
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) turn(false, "Following ended. Load the page again.");
    });
  }
}

function turn(on, text) {
  if (on) document.body.dataset.follows = "";
  else delete document.body.dataset.follows;
  part.hidden &&= !on;
  button.setAttribute("aria-pressed", String(on));
  button.lastElementChild.textContent = on ? "Stop" : "Follow";
  said.textContent = text;
  dispatchEvent(new Event("visibilitychange"));
}

if (part && button) {
  button.hidden = false;
  addEventListener("visibilitychange", listen);
  button.addEventListener("click", () => (source ? turn(false, "Stopped.") : turn(true, "Following. What fits appears here.")));
}
