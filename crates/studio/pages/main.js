// Which page is shown.
import { fill, h } from "./lib/dom.js";
import * as runs from "./views/runs.js";
import * as run from "./views/run.js";
import * as curves from "./views/curves.js";
import * as train from "./views/train.js";
import * as explore from "./views/explore.js";
import * as breed from "./views/breed.js";
import * as fresh from "./views/fresh.js";
import * as game from "./views/game.js";
import * as tour from "./views/tour.js";
import * as trial from "./views/try.js";

const PAGES = { "": [runs, "runs"], run: [run, "runs"], curves: [curves, "runs"], train: [train, "train"], explore: [explore, "runs"], new: [fresh, "runs"], breed: [breed, "runs"], game: [game, "game"], try: [trial, "runs"], tour: [tour, "game"] };
const main = document.getElementById("main");
let leave = null;

const show = async () => {
  leave?.abort();
  leave = new AbortController();
  const { signal } = leave;
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(decodeURIComponent);
  const [page, section] = PAGES[name] ?? [null, ""];
  for (const a of document.querySelectorAll("nav a")) {
    if (a.dataset.page === section) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  fill(main);
  const root = h("div");
  main.append(root);
  if (!page) {
    fill(root, h("div", { class: "empty" }, h("h2", {}, "There is no such page"), h("a", { class: "button", href: "#/" }, "To the runs")));
    return;
  }
  try {
    await page.show(root, { parts: rest, query: new URLSearchParams(query ?? "") }, signal);
  } catch (e) {
    if (signal.aborted || e.name === "AbortError") return;
    document.title = "Menagerie studio";
    fill(root, h("div", { class: "empty" }, h("h2", {}, "This cannot be shown"), h("p", { class: "note bad" }, e.message), h("a", { class: "button", href: "#/" }, "To the runs")));
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
show();
