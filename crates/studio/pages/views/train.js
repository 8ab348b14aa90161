// A new training: a recipe, and a form made of it.
import { get, latest, post } from "../lib/api.js";
import { attempt, enc, field, fill, h, select, tell } from "../lib/dom.js";

/** Tables that are open at first. */
const OPEN = new Set(["train", "data", "model"]);
/** Keys that are nobody's to set. */
const FIXED = new Set(["version", "model.name"]);

const list = (recipes, choose) => {
  const filter = h("input", { type: "search", placeholder: "Filter recipes", "aria-label": "Filter recipes", oninput: () => draw() });
  const names = h("div", { class: "recipes" });
  let chosen = null;
  const draw = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = r => words.every(w => `${r.name} ${r.family} ${r.about}`.toLowerCase().includes(w));
    fill(names, recipes.filter(fits).map(r => h("button", { type: "button", "data-recipe": r.name, "aria-pressed": String(r.name === chosen), title: r.about, onclick: () => pick(r.name) }, h("b", {}, r.name), h("small", {}, `${r.family} · ${r.about}`))));
  };
  const pick = name => {
    chosen = name;
    draw();
    choose(name);
  };
  draw();
  return { element: h("section", { class: "panel" }, h("h2", {}, "Recipe"), filter, names), pick };
};

/** A control for a key; what it holds is written as TOML. */
const control = (kind, toml, change) => {
  if (kind === "boolean") {
    const e = select(["true", "false"], toml, { onchange: change });
    return [e, () => e.value];
  }
  const plain = kind === "string" ? JSON.parse(toml.startsWith("'") ? JSON.stringify(toml.slice(1, -1)) : toml) : toml;
  // Numbers are typed as text: a number field would change how they are written.
  const e = h("input", { type: "text", value: plain, spellcheck: "false", autocomplete: "off", inputmode: kind === "integer" || kind === "float" ? "decimal" : "text", oninput: change });
  const text = () => kind === "string" ? JSON.stringify(e.value) : e.value.trim();
  return [e, text];
};

const form = (name, recipe, signal) => {
  const keys = new Map();
  const problem = h("p", { class: "note bad", hidden: true, role: "alert" });
  const changes = h("div");
  const settings = () => Object.fromEntries([...keys].filter(([, k]) => k.text() !== k.was).map(([key, k]) => [key, k.text()]));
  const check = latest(async () => {
    for (const [, k] of keys) k.field.classList.toggle("changed", k.text() !== k.was);
    try {
      const now = await post(`recipes/${enc(name)}/check`, { settings: settings() }, signal);
      problem.hidden = true;
      start.disabled = false;
      fill(changes, now.changes.length ? h("div", { class: "scroll" }, h("table", { class: "difference" }, h("tbody", {}, now.changes.map(c => h("tr", {}, h("td", {}, c.key), h("td", {}, c.was ?? "–"), h("td", {}, c.is ?? "–")))))) : h("p", { class: "soft small" }, "As the recipe has it."));
      toml.textContent = now.toml;
    } catch (e) {
      if (e.name === "AbortError") return;
      problem.hidden = false;
      problem.textContent = e.message;
      start.disabled = e.status === 400;
    }
  });
  const rank = ([table]) => [...OPEN].indexOf(table) + 1 || OPEN.size + 1;
  const tables = recipe.tables.filter(([table]) => table !== "").sort((a, b) => rank(a) - rank(b)).map(([table, entries]) => {
    const controls = entries.filter(([k]) => !FIXED.has(`${table}.${k}`)).map(([k, kind, toml]) => {
      const [e, text] = control(kind, toml, () => check());
      const said = recipe.help[`${table}.${k}`];
      const wrapped = field(k, e);
      if (said) {
        const id = `help-${table}.${k}`;
        wrapped.append(h("small", { class: "help", id }, said));
        e.setAttribute("aria-describedby", id);
      }
      e.dataset.key = `${table}.${k}`;
      keys.set(`${table}.${k}`, { field: wrapped, text, was: text() });
      return wrapped;
    });
    return controls.length ? h("details", { open: OPEN.has(table) }, h("summary", {}, `[${table}]`), h("div", { class: "keys" }, controls)) : null;
  });
  const runName = h("input", { type: "text", placeholder: `${name}-001, or the next free`, pattern: "[A-Za-z0-9_][A-Za-z0-9._\\-]*", maxlength: 64, autocomplete: "off" });
  const start = h("button", { class: "main", type: "submit" }, "Start training");
  const toml = h("pre", { tabindex: 0 }, recipe.toml);
  check();
  return h("form", { class: "panel stack", onsubmit: e => {
    e.preventDefault();
    attempt(async () => {
      const { run } = await post("train", { recipe: name, name: runName.value, settings: settings() }, signal);
      tell(`${run} is being trained.`, "good");
      location.hash = `#/run/${enc(run)}`;
    }, start);
  } },
    h("div", { class: "between" }, h("h2", {}, name), h("span", { class: "chip" }, recipe.model)),
    h("div", { class: "row end" }, field("name of the run", runName, { style: { flex: "1" } }), start),
    problem, changes,
    h("div", {}, tables, h("details", {}, h("summary", {}, "recipe.toml"), toml)));
};

export const show = async (root, { query }, signal) => {
  document.title = "New training – Menagerie studio";
  const recipes = await get("recipes", signal);
  const place = h("div", { class: "panel empty" }, h("h2", {}, "Choose a recipe"), h("p", {}, "Each is a model with settings and data that come with the program, so that it can be trained at once."));
  const right = h("div", {}, place);
  const { element, pick } = list(recipes, name => attempt(async () => fill(right, form(name, await get(`recipes/${enc(name)}`, signal), signal))));
  fill(root, h("div", { class: "head" }, h("h1", {}, "New training")), h("div", { class: "form" }, element, right));
  const wanted = query.get("recipe");
  if (recipes.some(r => r.name === wanted)) pick(wanted);
};
