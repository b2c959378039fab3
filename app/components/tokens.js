// Painted text, in one line or in several that show the same tokens. All text is foreign: it enters as textContent and in no other way.
const KINDS = ["plain", "on", "off", "bits", "grey"];
const LABEL = "Tokens of the text. Arrow keys move, Enter locks a token.";
const OUTPUT = "Written by the language model.";
const TOGETHER = 4; // features a line in the hover, where there are several lines

function element(kind, name, text) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function tipOf(line, token, several) {
  const [, , , , note, top, output] = token;
  const rows = top.slice(0, several ? TOGETHER : top.length).map(([feature, loud]) => {
    const row = element("div", "row");
    const amount = Math.abs(loud) < 1e-4 && loud !== 0 ? "-0.0000" : loud.toFixed(4);
    row.append(
      element("span", "number", String(feature)),
      element("span", "name", line.names[feature] ?? ""),
      element("span", "loud", line.unit ? `${amount} ${line.unit}` : amount),
    );
    return row;
  });
  const head = several ? [element("div", "head", line.title)] : [];
  const notes = [note, output ? OUTPUT : ""].filter(Boolean).map((said) => element("div", "note", said));
  const empty = rows.length || note ? [] : [element("div", "note", "No feature is activated here.")];
  return [...head, ...notes, ...empty, ...rows];
}

function place(tip, span) {
  const at = span.getClientRects()[0] ?? span.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left, window.innerWidth - tip.offsetWidth - 8));
  const below = at.bottom + 6;
  const top = below + tip.offsetHeight > window.innerHeight - 8 ? Math.max(8, at.top - tip.offsetHeight - 6) : below;
  tip.style.left = `${left}px`;
  tip.style.top = `${top}px`;
}

function spanOf([content, position, kind, heat, , , output], locked, number, at) {
  const span = element("span", `token ${KINDS.includes(kind) ? kind : "plain"}`, content);
  span.style.setProperty("--heat", String(heat));
  span.dataset.line = String(number);
  span.dataset.at = String(at);
  span.setAttribute("role", "button");
  span.setAttribute("aria-pressed", String(position === locked));
  span.classList.toggle("locked", position === locked);
  span.classList.toggle("output", Boolean(output));
  span.tabIndex = -1;
  return span;
}

function drawn(line, number, locked, several) {
  const spans = line.tokens.map((token, at) => spanOf(token, locked, number, at));
  const text = element("div", "text");
  text.dir = "auto";
  text.setAttribute("role", "group");
  text.setAttribute("aria-label", several ? `${line.title}. ${LABEL}` : LABEL);
  text.append(...spans);
  const whole = element("div", "line");
  whole.append(...(several ? [element("div", "title", line.title)] : []), text);
  return { whole, text, spans };
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const lines = parentElement.querySelector(".lines");
  const tip = parentElement.querySelector(".tip");
  if (!lines || !tip || !data) return;

  const focused = lines.getRootNode().activeElement;
  const had = focused && lines.contains(focused) ? [Number(focused.dataset.line), Number(focused.dataset.at)] : null;
  const several = data.lines.length > 1;
  lines.classList.toggle("several", several);
  const all = data.lines.map((line, number) => drawn(line, number, data.locked, several));
  lines.replaceChildren(...all.map((one) => one.whole));

  const tokenAt = (span) => data.lines[Number(span.dataset.line)].tokens[Number(span.dataset.at)];
  // a token is the same in all lines by its position: what is left out of one line is not counted on in the others
  const sameIn = (number, position) => data.lines[number].tokens.findIndex((token) => token[1] === position);
  const lockedAt = data.lines.map((_, number) => Math.max(sameIn(number, data.locked), 0));
  const current = all.map(({ spans }, number) => Math.min(had?.[0] === number ? had[1] : lockedAt[number], Math.max(spans.length - 1, 0)));
  all.forEach(({ spans }, number) => { if (spans.length) spans[current[number]].tabIndex = 0; });

  let echoed = [];
  const hide = () => {
    echoed.forEach((span) => span.classList.remove("echo"));
    echoed = [];
    if (tip.matches(":popover-open")) tip.hidePopover();
  };
  const show = (span) => {
    const position = tokenAt(span)[1];
    echoed.forEach((other) => other.classList.remove("echo"));
    const found = data.lines.map((line, number) => [line, number, sameIn(number, position)]).filter(([, , at]) => at >= 0);
    echoed = found.map(([, number, at]) => all[number].spans[at]).filter((other) => other !== span);
    echoed.forEach((other) => other.classList.add("echo"));
    tip.replaceChildren(...found.flatMap(([line, , at]) => tipOf(line, line.tokens[at], several)));
    if (!tip.matches(":popover-open")) tip.showPopover();
    place(tip, span);
  };
  const spanUnder = (event) => event.target.closest?.("[data-at]");
  const pick = (span) => setTriggerValue("picked", tokenAt(span)[1]);
  const move = (number, to) => {
    const { spans } = all[number];
    spans[current[number]].tabIndex = -1;
    current[number] = Math.max(0, Math.min(to, spans.length - 1));
    spans[current[number]].tabIndex = 0;
    spans[current[number]].focus();
  };

  hide();
  all.forEach(({ text, spans }, number) => {
    text.onmouseover = (event) => { const span = spanUnder(event); if (span) show(span); else hide(); };
    text.onmouseleave = hide;
    text.onscroll = () => { hide(); all.forEach((other) => { other.text.scrollTop = text.scrollTop; }); };
    for (const span of spans) {
      span.onfocus = () => { if (span.matches(":focus-visible")) show(span); };
      span.onblur = hide;
    }
    text.onclick = (event) => { const span = spanUnder(event); if (span) { move(number, Number(span.dataset.at)); pick(span); } };
    text.onkeydown = (event) => {
      const span = spanUnder(event);
      if (!span) return;
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) { event.preventDefault(); move(number, current[number] + step); }
      else if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pick(span); }
      else if (event.key === "Escape") hide();
    };
  });
  if (had && all[had[0]]?.spans.length) all[had[0]].spans[current[had[0]]].focus({ preventScroll: true });
  return hide;
}
