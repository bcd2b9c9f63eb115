// The search page: what comes in from now on, newest first, as long as somebody wants to see it.
const part = document.querySelector("[data-tail]");
const button = document.querySelector("[data-follow]");
const hits = part?.querySelector("[data-tail-hits]");
const said = part?.querySelector("[data-tail-said]");
const MOST = 200;
let source;
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

function stop(text) {
  source?.close();
  source = undefined;
  button.setAttribute("aria-pressed", "false");
  button.lastElementChild.textContent = "Follow";
  said.textContent = text;
}

function follow() {
  source = new EventSource(part.dataset.tail);
  part.hidden = false;
  button.setAttribute("aria-pressed", "true");
  button.lastElementChild.textContent = "Stop";
  said.textContent = "Following. What fits appears here.";
  source.addEventListener("hit", (event) => {
    hits.prepend(row(JSON.parse(event.data)));
    while (hits.children.length > MOST) hits.lastChild.remove();
    said.textContent = `${++count} came in`;
  });
  source.addEventListener("end", () => stop("You are no longer signed in. Load the page again."));
  source.addEventListener("error", () => {
    if (source?.readyState === EventSource.CLOSED) stop("Following ended. Load the page again.");
  });
}

if (part && button) {
  button.hidden = false;
  button.addEventListener("click", () => (source ? stop("Stopped.") : follow()));
}
