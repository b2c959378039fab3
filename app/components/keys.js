// Keys that a page answers to. Names of keys and what they do are ours; they enter the document as textContent all the same.
const listening = new WeakMap();

// where a key is a letter: boxes, lists that are searched by typing, and whatever can be edited
function typing(event) {
  const at = event.composedPath()[0];
  return at instanceof Element && (at.isContentEditable || at.closest("input, textarea, select, [role=textbox], [role=combobox], [role=listbox]"));
}

function row([key, told]) {
  const made = document.createElement("div");
  const name = document.createElement("kbd");
  const text = document.createElement("span");
  name.textContent = key;
  text.textContent = told;
  made.append(name, text);
  return made;
}

// Streamlit writes a widget's key into the class of its box, signs other than letters and digits as hyphens
function focusBox(key) {
  const box = document.querySelector(`.st-key-${CSS.escape(key.replace(/[^a-zA-Z0-9_-]/g, "-"))} :is(input, textarea)`);
  if (!box) return false;
  box.focus();
  box.select();
  return true;
}

function focusWhenThere(key, tries = 40) {
  if (!focusBox(key) && tries > 0) setTimeout(() => focusWhenThere(key, tries - 1), 50);
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const hint = parentElement.querySelector(".hint");
  const help = parentElement.querySelector(".help");
  if (!hint || !help || !data) return;

  listening.get(parentElement)?.abort();
  const stopped = new AbortController();
  listening.set(parentElement, stopped);
  const keys = new Map(data.keys.map(([key, told, focus]) => [key, focus]));
  help.replaceChildren(...data.keys.map(row), row(["?", "shows these keys, and hides them"]));
  const toggle = () => {
    help.togglePopover();
    if (!help.matches(":popover-open")) return;
    const at = hint.getBoundingClientRect();
    help.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - help.offsetWidth - 8))}px`;
    help.style.top = `${Math.max(8, Math.min(at.bottom + 6, window.innerHeight - help.offsetHeight - 8))}px`;
  };
  hint.onclick = toggle;
  if (data.focus) focusWhenThere(data.focus);

  const press = (event) => {
    if (event.defaultPrevented || event.repeat || event.isComposing) return;
    if (event.ctrlKey || event.altKey || event.metaKey || typing(event)) return;
    if (event.key === "Escape" && help.matches(":popover-open")) help.hidePopover();
    else if (event.key === "?") toggle();
    else if (!keys.has(event.key)) return;
    else if (keys.get(event.key)) focusBox(keys.get(event.key));
    else setTriggerValue("pressed", event.key);
    event.preventDefault();
  };
  document.addEventListener("keydown", press, { signal: stopped.signal });
  return () => stopped.abort();
}
