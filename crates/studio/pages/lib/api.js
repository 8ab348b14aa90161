// What is asked of the server.
import { h } from "./dom.js";

/** Says, as long as it is so, that nobody answers. */
const lost = on => {
  const said = document.getElementById("lost");
  if (!on) said?.remove();
  else if (!said) document.getElementById("messages").append(h("div", { class: "note warn", id: "lost" }, "The studio does not answer. This page goes on by itself when it is back."));
};

const failed = async response => {
  let text = `${response.status} ${response.statusText}`;
  try {
    text = (await response.json()).error ?? text;
  } catch { /* no JSON: the status has to do */ }
  const e = new Error(text);
  e.status = response.status;
  return e;
};

export const asked = async (path, options) => {
  let response;
  try {
    response = await fetch(`/api/${path}`, options);
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new Error("the studio does not answer; is it still running?");
  }
  if (!response.ok) throw await failed(response);
  return response;
};

export const get = async (path, signal) => (await asked(path, { signal })).json();

/** `keepalive` lets a request outlive the page that makes it. */
export const sent = (path, body, signal, keepalive = false) => asked(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal, keepalive });

export const post = async (path, body = {}, signal, keepalive = false) => (await sent(path, body, signal, keepalive)).json();

/** Frames as pictures for canvases. */
export const frames = async (path, body, signal) => {
  return framesOf(await sent(path, body, signal));
};

/** The frames of an answer. */
export const framesOf = async response => {
  const of = name => Number(response.headers.get(name));
  const [count, width, height] = [of("X-Count"), of("X-Width"), of("X-Height")];
  const bytes = new Uint8ClampedArray(await response.arrayBuffer());
  const size = width * height * 4;
  return Array.from({ length: count }, (_, i) => new ImageData(bytes.slice(i * size, (i + 1) * size), width, height));
};

/** Follows events until the signal says so. A page that is not looked at lets go of its connection, of which a browser has few, or, where it is
 * to be told that the page is still there, holds `away` in its place. */
export const follow = (path, handlers, signal, away = null) => {
  let source = null;
  const open = () => {
    if (source || signal.aborted) return;
    if (document.hidden) {
      source = away && new EventSource(`/api/${away}`);
      return;
    }
    source = new EventSource(`/api/${path}`);
    source.onopen = () => {
      lost(false);
      handlers.open?.();
    };
    source.onerror = () => {
      // A browser tries again by itself, but not after an answer that is no stream: what was asked for is gone.
      if (source?.readyState === EventSource.CLOSED) {
        close();
        handlers.gone?.();
      } else lost(true);
    };
    for (const [name, handle] of Object.entries(handlers)) {
      if (name !== "open" && name !== "gone") source.addEventListener(name, e => handle(JSON.parse(e.data)));
    }
  };
  const close = () => {
    source?.close();
    source = null;
    lost(false);
  };
  const look = () => {
    close();
    open();
  };
  document.addEventListener("visibilitychange", look, { signal });
  signal.addEventListener("abort", close);
  open();
};

/** One request at a time; of those that come meanwhile only the last is made. */
export const latest = work => {
  let busy = false, next = null;
  const run = async argument => {
    if (busy) {
      next = [argument];
      return;
    }
    busy = true;
    try {
      await work(argument);
    } finally {
      busy = false;
      if (next) {
        const [argument] = next;
        next = null;
        run(argument);
      }
    }
  };
  return run;
};
