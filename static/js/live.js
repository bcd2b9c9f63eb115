// What moves while somebody looks: one stream a tab, and none while nobody sees the tab. Parts that follow something are fetched
// anew; of everything else it is only offered, so that nothing jumps under a hand.
const { live, about } = document.body.dataset;
const offer = document.querySelector("[data-offer]");
const PAUSE = 400;
const FRAME_PAUSE = 2000;
const LOST = 3;
let source = null;
let place = "";
let news = { new: 0, changed: 0, gone: 0 };
let lost = 0;

const parts = () => document.querySelectorAll("[data-part]");

async function load(address) {
  const answer = await fetch(address, { headers: { accept: "text/html" }, redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Does `act` at most every `pause` ms, whatever happens meanwhile; the network may be away, then the next word helps.
function calm(act, pause) {
  let last = 0;
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      last = Date.now();
      act().catch(() => {});
    }, Math.max(0, pause - (Date.now() - last)));
  };
}

// What is the same stays, so that nobody's click, focus or open details are lost for nothing.
function put(part, fresh) {
  const sent = fresh.innerHTML.trim();
  if (sent === (part.sent ?? part.innerHTML.trim())) return;
  part.sent = sent;
  const open = [...part.querySelectorAll("[open] > summary")].map((one) => one.textContent);
  const held = part.contains(document.activeElement) ? document.activeElement : null;
  const to = held?.getAttribute("href");
  part.replaceChildren(...fresh.childNodes);
  for (const one of part.querySelectorAll("details > summary")) if (open.includes(one.textContent)) one.parentElement.open = true;
  const like = (one) => (to ? one.getAttribute("href") === to : one.textContent === held.textContent);
  if (held) [...part.querySelectorAll(held.localName)].find(like)?.focus({ preventScroll: true });
}

// The side bar, what runs, and on the overview all of it, as the page shows them now.
function putFrame(page) {
  const fresh = page.querySelectorAll("[data-frame]");
  document.querySelectorAll("[data-frame]").forEach((one, at) => fresh[at] && put(one, fresh[at]));
}

async function renew() {
  const page = await load(location.href.split("#")[0]);
  const main = page.getElementById("main");
  if (!main) return;
  document.body.dataset.now = page.body.dataset.now;
  document.getElementById("main").replaceChildren(...main.childNodes);
  putFrame(page);
  news = { new: 0, changed: 0, gone: 0 };
  offer.replaceChildren();
  dispatchEvent(new Event("renewed"));
}

async function renewPart(part) {
  const page = await load(part.dataset.part);
  put(part, (part.id && page.getElementById(part.id)) || page.body);
  const { say, badge } = part.querySelector("[data-say]")?.dataset ?? {};
  const status = document.querySelector("[data-status]");
  if (say && status && status.textContent !== say) status.textContent = say;
  for (const one of document.querySelectorAll(`.running a[href="${location.pathname}"]`)) if (badge) one.textContent = badge;
  if (part.querySelector("[data-over]")) await renew();
}

const frame = calm(async () => putFrame(await load(location.href.split("#")[0])), FRAME_PAUSE);
const movers = new WeakMap();
function move(part) {
  if (!movers.has(part)) movers.set(part, calm(() => renewPart(part), PAUSE));
  movers.get(part)();
}

function count(n, word) {
  return n ? `${n} ${word}` : "";
}

function offerNews() {
  const said = [count(news.new, "new"), count(news.changed, "changed"), count(news.gone, "gone")].filter(Boolean).join(", ");
  const text = about.includes("/") ? "This has changed since you opened it." : `Since you opened this list: ${said}.`;
  if (!offer.firstChild) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "btn", textContent: "Show" });
    button.addEventListener("click", async () => {
      await renew().catch(() => location.reload());
      document.getElementById("main").focus();
    });
    offer.append(document.createElement("span"), button);
  }
  offer.firstChild.textContent = text;
}

function hear(list) {
  for (const { topic, ...how } of list) {
    const follows = [...parts()].filter((part) => part.dataset.on?.split(" ").includes(topic));
    follows.forEach(move);
    if (["syncs", "removals", "panels"].includes(topic)) frame();
    if (topic !== about || (about.includes("/") && follows.length) || !(how.new + how.changed + how.gone)) continue;
    for (const word of Object.keys(news)) news[word] += how[word];
    offerNews();
  }
}

function open() {
  const address = new URL(live, location.href);
  if (place) address.searchParams.set("after", place);
  source = new EventSource(address);
  source.onopen = () => {
    if (lost >= LOST) {
      offer.replaceChildren();
      if (news.new + news.changed + news.gone) offerNews();
    }
    lost = 0;
  };
  const keep = (act) => (event) => {
    place = event.lastEventId || place;
    act(JSON.parse(event.data));
  };
  source.addEventListener("following", keep(() => {}));
  source.addEventListener("moved", keep(hear));
  source.addEventListener("missed", keep(() => {
    parts().forEach(move);
    frame();
    if (about) hear([{ topic: about, new: 0, changed: 1, gone: 0 }]);
  }));
}

// A page that follows a search has its stream there; what moves else is told when that ends.
const follows = () => document.body.hasAttribute("data-follows");

function look() {
  if (document.hidden || follows()) {
    source?.close();
    source = null;
  } else if (!source) open();
}

if (live && offer) {
  look();
  addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => source?.close());
  parts().forEach(move);
  // Should the stream break for good, what follows something looks now and then by itself, and the page says how it stands.
  setInterval(() => {
    if (!document.hidden && !follows() && source?.readyState !== EventSource.OPEN) {
      parts().forEach(move);
      if (source?.readyState === EventSource.CLOSED) open();
      if (++lost === LOST) offer.replaceChildren("The connection to Aviary is lost: what stands here may be old.");
    }
  }, 5000);
}
