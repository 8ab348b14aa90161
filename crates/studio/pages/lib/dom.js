// Elements from code: what comes from files is always text, never markup.
export const h = (tag, props = {}, ...children) => {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [k, v] of Object.entries(value)) e.style.setProperty(k, v);
    else if (name === "class") e.className = value;
    else if (["value", "checked", "disabled", "indeterminate"].includes(name)) e[name] = value;
    else e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.flat(Infinity).filter(c => c !== null && c !== undefined && c !== false));
  return e;
};

/** A text in which what stands between backticks is code. */
export const prose = text => text.split("`").map((part, i) => i % 2 ? h("code", {}, part) : part);

/** Puts children in the place of those that are there. */
export const fill = (parent, ...children) => parent.replaceChildren(...children.flat(Infinity).filter(c => c !== null && c !== undefined && c !== false));

export const number = v => {
  if (v === null || v === undefined || !Number.isFinite(v)) return "–";
  const a = Math.abs(v);
  return a !== 0 && (a >= 1e5 || a < 1e-3) ? v.toExponential(2) : String(+v.toPrecision(4));
};

/** A whole number in groups of three digits. (What a browser has for that takes it 12 ms to set up, before the first page is there.) */
export const grouped = n => String(Math.round(n ?? 0)).replace(/\B(?=(\d{3})+$)/g, ",");

export const duration = seconds => {
  const s = Math.round(seconds ?? 0);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor(s % 3600 / 60)).padStart(2, "0")} min`;
};

/** A line that goes away by itself; errors stay longer. */
export const tell = (text, kind = "") => {
  const note = h("div", { class: `note ${kind}` }, prose(text));
  const all = document.getElementById("messages");
  all.append(note);
  while (all.children.length > 4) all.firstChild.remove();
  setTimeout(() => note.remove(), kind === "bad" ? 9000 : 4000);
};

/** Runs what a button asks for; what goes wrong is told. */
export const attempt = async (work, button) => {
  if (button) button.disabled = true;
  try {
    return await work();
  } catch (e) {
    if (e.name !== "AbortError") tell(e.message, "bad");
  } finally {
    if (button) button.disabled = false;
  }
};

export const field = (label, control, more = {}) => h("label", { class: "field", ...more }, h("span", {}, label), control);

export const select = (options, value, props = {}) => {
  const e = h("select", props, options.map(o => {
    const [key, text] = Array.isArray(o) ? o : [o, o];
    return h("option", { value: String(key) }, String(text));
  }));
  if (value !== undefined && value !== null) e.value = String(value);
  return e;
};

export const STATES = { training: "training", done: "done", stopped: "stopped", empty: "no checkpoint", failed: "failed" };

export const chip = line => {
  const state = line.failure ? "failed" : line.error ? "failed" : line.state;
  return h("span", { class: `chip ${state}` }, STATES[state] ?? state);
};

/** What is left of names in an address. */
export const enc = encodeURIComponent;

/** Colours of the theme, for canvases. Asking for a style costs more than drawing by it, so each is asked for once a theme. */
const colours = new Map();
addEventListener("themed", () => colours.clear());
export const theme = name => {
  if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return colours.get(name);
};
