// Edits of a picture by what is drawn onto it: colours, edges, parts that are dragged.
import { post } from "../lib/api.js";
import { attempt, enc, field, h, number, select } from "../lib/dom.js";

/** What is drawn onto the canvas asks the generator for something; `take` is given the latent that does it. */
export const edits = (name, canvas, { checkpoint, latents, take }, signal) => {
  const tool = select([["", "off"], ["paint", "paint a colour"], ["line", "draw an edge"], ["drag", "drag a part"]], "", { "aria-label": "what drawing onto the picture does" });
  const colour = h("input", { type: "color", value: "#c04030", "aria-label": "colour to paint" });
  const hint = "Choose a tool and draw onto the picture; a part is dragged by its middle.";
  const said = h("p", { class: "small soft", role: "status" }, hint);
  let from = null;
  const at = e => {
    const box = canvas.getBoundingClientRect();
    const along = (v, low, size, pixels) => Math.min(pixels, Math.max(0, Math.round((v - low) / size * pixels)));
    return [along(e.clientX, box.left, box.width, canvas.width), along(e.clientY, box.top, box.height, canvas.height)];
  };
  const asked = ([x, y], [u, v]) => {
    const [left, top] = [Math.min(x, u), Math.min(y, v)];
    if (tool.value === "line") return { tool: "line", at: [x, y, u, v] };
    if (tool.value === "paint") return { tool: "paint", at: [Math.min(left, canvas.width - 1), Math.min(top, canvas.height - 1), Math.max(1, Math.abs(u - x)), Math.max(1, Math.abs(v - y))], colour: colour.value };
    // A square of a quarter of the picture, around the place where it was taken.
    const side = Math.max(2, Math.round(Math.min(canvas.width, canvas.height) / 4));
    const within = (p, size) => Math.min(size - side, Math.max(0, p - Math.floor(side / 2)));
    const [a, b, c, d] = [within(x, canvas.width), within(y, canvas.height), within(u, canvas.width), within(v, canvas.height)];
    return { tool: "drag", at: [a, b, side, side, c - a, d - b] };
  };
  canvas.addEventListener("pointerdown", e => {
    if (!tool.value || !latents()) return;
    from = at(e);
    canvas.setPointerCapture(e.pointerId);
    e.preventDefault();
  }, { signal });
  canvas.addEventListener("pointerup", async e => {
    if (!from) return;
    const constraints = [asked(from, at(e))];
    from = null;
    said.textContent = "…";
    const answer = await attempt(() => post(`runs/${enc(name)}/edit`, { checkpoint: checkpoint(), latents: [latents()], constraints }, signal));
    if (!answer) {
      said.textContent = hint;
      return;
    }
    const [before, after] = answer.errors[0];
    said.textContent = `how far off: ${number(before)}, now ${number(after)}`;
    take(answer.latent);
  }, { signal });
  return h("section", { class: "panel stack" }, h("h2", {}, "Edit"), h("div", { class: "row end" }, field("tool", tool), field("colour", colour)), said);
};
