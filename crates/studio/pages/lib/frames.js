// Pictures on canvases.
import { h } from "./dom.js";

/** Shows a picture pixel for pixel; how large is for the style sheet to say. */
export const show = (canvas, image) => {
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.classList.toggle("pixels", image.width < 160);
  canvas.getContext("2d").putImageData(image, 0, 0);
};

export const canvasOf = (image, label, props = {}) => {
  const canvas = h("canvas", { role: "img", "aria-label": label, ...props });
  show(canvas, image);
  return canvas;
};

/** Saves a canvas as a PNG file, pixel for pixel. */
export const download = (canvas, name) => canvas.toBlob(blob => save(blob, name), "image/png");

/** Saves what was made as a file. */
export const save = (blob, name) => {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
};
