// Sounds: to be played, and seen as a wave.
import { asked } from "./api.js";
import { h, theme } from "./dom.js";

/** Where the numbers of a WAV file of 16 bits begin, as the studio writes it. */
const HEAD = 44;
const [WIDE, HIGH] = [960, 180];

/** A player with the wave above it; `load` takes an address under /api. */
export const sound = signal => {
  const canvas = h("canvas", { width: WIDE, height: HIGH, class: "wave", role: "img", "aria-label": "the sound's wave" });
  const audio = h("audio", { controls: true });
  let samples = new Int16Array(0), address = null;
  const draw = () => {
    const g = canvas.getContext("2d");
    g.clearRect(0, 0, WIDE, HIGH);
    g.fillStyle = theme("accent");
    const each = samples.length / WIDE, y = v => HIGH / 2 - v / 32768 * HIGH / 2;
    for (let x = 0; x < WIDE && samples.length; x++) {
      let low = 32767, high = -32768;
      for (let i = Math.floor(x * each); i < Math.max(Math.floor(x * each) + 1, (x + 1) * each) && i < samples.length; i++) {
        low = Math.min(low, samples[i]);
        high = Math.max(high, samples[i]);
      }
      g.fillRect(x, y(high), 1, Math.max(1, y(low) - y(high)));
    }
    const played = audio.duration > 0 ? audio.currentTime / audio.duration : 0;
    if (played > 0) {
      g.fillStyle = theme("g");
      g.fillRect(played * WIDE - 1, 0, 2, HIGH);
    }
    canvas.dataset.drawn = String(Number(canvas.dataset.drawn ?? 0) + 1);
  };
  const follow = () => {
    draw();
    if (!audio.paused && !audio.ended) requestAnimationFrame(follow);
  };
  audio.addEventListener("play", follow);
  audio.addEventListener("seeked", draw);
  addEventListener("themed", draw, { signal });
  signal.addEventListener("abort", () => {
    audio.pause();
    if (address) URL.revokeObjectURL(address);
  });
  const load = async path => {
    const buffer = await (await asked(path, { signal })).arrayBuffer();
    // Of several channels, all are seen as they lie.
    samples = new Int16Array(buffer.slice(HEAD, buffer.byteLength - buffer.byteLength % 2));
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([buffer], { type: "audio/wav" }));
    audio.src = address;
    draw();
  };
  return { element: h("div", { class: "sound" }, canvas, audio), load };
};
