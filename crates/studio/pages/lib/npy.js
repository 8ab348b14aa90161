// Rows of numbers as files of NumPy (format 1.0), which `menagerie encode` and `project` write, too.

/** Numbers of a file at most. */
const MOST = 1 << 22;

/** Rows of one length as a file of 32-bit numbers, `[rows, length]`. */
export const npy = rows => {
  const said = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows.length}, ${rows[0]?.length ?? 0}), }`;
  // The head ends on a multiple of 64 with a line's end.
  const head = said.padEnd(Math.ceil((said.length + 11) / 64) * 64 - 11) + "\n";
  const start = new Uint8Array(10 + head.length);
  start.set([0x93, ...[..."NUMPY"].map(c => c.charCodeAt(0)), 1, 0, head.length & 255, head.length >> 8]);
  start.set(new TextEncoder().encode(head), 10);
  const values = new DataView(new ArrayBuffer(4 * rows.flat().length));
  rows.flat().forEach((v, i) => values.setFloat32(4 * i, v, true));
  return new Blob([start, values.buffer], { type: "application/octet-stream" });
};

/** The rows of such a file, of 32-bit or 64-bit numbers. */
export const rowsOf = buffer => {
  const wrong = why => new Error(`this is no file of latents: ${why}`);
  const view = new DataView(buffer);
  if (buffer.byteLength < 12 || view.getUint32(0) !== 0x934e554d || view.getUint16(4) !== 0x5059) throw wrong("it does not begin as a .npy file does");
  const wide = view.getUint8(6) > 1;
  const from = (wide ? 12 : 10) + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  const head = new TextDecoder("latin1").decode(new Uint8Array(buffer, 8, Math.max(0, Math.min(from, buffer.byteLength) - 8)));
  const size = Number(/'descr': '<f([48])'/.exec(head)?.[1]);
  const shape = /'shape': \(([\d, ]*)\)/.exec(head)?.[1].split(",").map(s => s.trim()).filter(Boolean).map(Number);
  if (!size || !shape || head.includes("'fortran_order': True")) throw wrong("it holds no rows of 32-bit or 64-bit numbers");
  const length = shape[shape.length - 1] ?? 0;
  const count = shape.reduce((a, b) => a * b, 1);
  if (shape.length > 2) throw wrong("it has more axes than rows and numbers");
  if (!(length > 0 && count > 0) || count > MOST || from + count * size > buffer.byteLength) throw wrong("it is empty, too large or cut off");
  const value = i => size === 4 ? view.getFloat32(from + 4 * i, true) : view.getFloat64(from + 8 * i, true);
  return Array.from({ length: count / length }, (_, r) => Array.from({ length }, (_, i) => value(r * length + i)));
};
