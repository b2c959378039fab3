// Painted text. All text is foreign: it enters the document as textContent and in no other way.
const KINDS = ["plain", "on", "off", "grey"];

function element(kind, name, text) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function fillTip(tip, data, token) {
  const [, , , , note, top] = token;
  const rows = top.map(([feature, loud]) => {
    const row = element("div", "row");
    const amount = Math.abs(loud) < 1e-4 && loud !== 0 ? "-0.0000" : loud.toFixed(4);
    row.append(
      element("span", "number", String(feature)),
      element("span", "name", data.names[feature] ?? ""),
      element("span", "loud", data.unit ? `${amount} ${data.unit}` : amount),
    );
    return row;
  });
  const notes = note ? [element("div", "note", note)] : [];
  const empty = rows.length || note ? [] : [element("div", "note", "No feature is activated here.")];
  tip.replaceChildren(...notes, ...empty, ...rows);
}

function place(tip, span) {
  const at = span.getClientRects()[0] ?? span.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left, window.innerWidth - tip.offsetWidth - 8));
  const below = at.bottom + 6;
  const top = below + tip.offsetHeight > window.innerHeight - 8 ? Math.max(8, at.top - tip.offsetHeight - 6) : below;
  tip.style.left = `${left}px`;
  tip.style.top = `${top}px`;
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const text = parentElement.querySelector(".text");
  const tip = parentElement.querySelector(".tip");
  if (!text || !tip || !data) return;

  const focused = text.getRootNode().activeElement;
  const hadFocus = focused && text.contains(focused) ? Number(focused.dataset.at) : null;
  const spans = data.tokens.map(([content, position, kind, heat], at) => {
    const span = element("span", `token ${KINDS.includes(kind) ? kind : "plain"}`, content);
    span.style.setProperty("--heat", String(heat));
    span.dataset.at = String(at);
    span.setAttribute("role", "button");
    span.setAttribute("aria-pressed", String(position === data.locked));
    if (position === data.locked) span.classList.add("locked");
    span.tabIndex = -1;
    return span;
  });
  text.replaceChildren(...spans);
  const lockedAt = data.tokens.findIndex((token) => token[1] === data.locked);
  let current = Math.min(hadFocus ?? Math.max(lockedAt, 0), Math.max(spans.length - 1, 0));
  if (spans.length) spans[current].tabIndex = 0;

  const hide = () => { if (tip.matches(":popover-open")) tip.hidePopover(); };
  const show = (span) => {
    fillTip(tip, data, data.tokens[Number(span.dataset.at)]);
    if (!tip.matches(":popover-open")) tip.showPopover();
    place(tip, span);
  };
  const tokenOf = (event) => event.target.closest?.("[data-at]");
  const pick = (span) => setTriggerValue("picked", data.tokens[Number(span.dataset.at)][1]);
  const move = (to) => {
    spans[current].tabIndex = -1;
    current = Math.max(0, Math.min(to, spans.length - 1));
    spans[current].tabIndex = 0;
    spans[current].focus();
  };

  hide();
  text.onmouseover = (event) => { const span = tokenOf(event); if (span) show(span); else hide(); };
  text.onmouseleave = hide;
  text.onscroll = hide;
  for (const span of spans) {
    span.onfocus = () => { if (span.matches(":focus-visible")) show(span); };
    span.onblur = hide;
  }
  text.onclick = (event) => { const span = tokenOf(event); if (span) { move(Number(span.dataset.at)); pick(span); } };
  text.onkeydown = (event) => {
    const span = tokenOf(event);
    if (!span) return;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); move(current + step); }
    else if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pick(span); }
    else if (event.key === "Escape") hide();
  };
  if (hadFocus !== null && spans.length) spans[current].focus({ preventScroll: true });
  return hide;
}
