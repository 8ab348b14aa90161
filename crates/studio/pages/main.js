// Which page is shown. Each is fetched when it is first asked for, the others while nothing else is to be done.
import { fill, h, prose } from "./lib/dom.js";

/** The section of each page, and its module. */
const PAGES = {
  "": ["runs", () => import("./views/runs.js")],
  run: ["runs", () => import("./views/run.js")],
  curves: ["runs", () => import("./views/curves.js")],
  explore: ["runs", () => import("./views/explore.js")],
  breed: ["runs", () => import("./views/breed.js")],
  new: ["runs", () => import("./views/fresh.js")],
  try: ["runs", () => import("./views/try.js")],
  train: ["train", () => import("./views/train.js")],
  game: ["game", () => import("./views/game.js")],
  tour: ["game", () => import("./views/tour.js")],
};
const main = document.getElementById("main");
let leave = null;

/** A part of an address; one that is written wrongly as it stands. */
const decoded = part => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

const show = async () => {
  leave?.abort();
  leave = new AbortController();
  const { signal } = leave;
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(decoded);
  const [section, load] = Object.hasOwn(PAGES, name) ? PAGES[name] : ["", null];
  for (const a of document.querySelectorAll("nav a")) {
    if (a.dataset.page === section) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  fill(main);
  const root = h("div");
  main.append(root);
  if (!load) {
    fill(root, h("div", { class: "empty" }, h("h2", {}, "There is no such page"), h("a", { class: "button", href: "#/" }, "To the runs")));
    return;
  }
  try {
    const page = await load();
    if (signal.aborted) return;
    await page.show(root, { parts: rest, query: new URLSearchParams(query ?? "") }, signal);
  } catch (e) {
    if (signal.aborted || e.name === "AbortError") return;
    document.title = "Menagerie studio";
    fill(root, h("div", { class: "empty" }, h("h2", {}, "This cannot be shown"), h("p", { class: "note bad" }, prose(e.message)), h("a", { class: "button", href: "#/" }, "To the runs")));
  }
};

const system = matchMedia("(prefers-color-scheme: dark)");
const paint = () => {
  const chosen = localStorage.getItem("theme");
  document.documentElement.dataset.theme = chosen ?? (system.matches ? "dark" : "light");
  dispatchEvent(new Event("themed"));
};
document.getElementById("theme").addEventListener("click", () => {
  localStorage.setItem("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  paint();
});
system.addEventListener("change", paint);
paint();
addEventListener("hashchange", () => {
  show();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
});
show().then(() => setTimeout(async () => {
  for (const [, load] of Object.values(PAGES)) await load().catch(() => {});
}, 400));
