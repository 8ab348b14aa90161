// What moves between two pictures that came after each other.

/** A glide takes no shorter and no longer, in milliseconds. */
const SHORTEST = 16, LONGEST = 200;
/** Pictures do not come like clockwork: a glide goes on for a little longer than the next one is expected to take. */
const SLACK = 1.15;

/** Numbers of some names, led evenly from those of one picture to those of the next. */
export class Glide {
  constructor(names) {
    Object.assign(this, { names, from: null, goal: null, begun: 0, span: SHORTEST, gap: 40 });
  }

  /** Goes to a picture: evenly, in the time that pictures take to come, or at once. */
  to(picture, glides, now) {
    const goal = Object.fromEntries(this.names.map(n => [n, picture[n] && Float32Array.from(picture[n])]));
    const alike = this.goal && this.names.every(n => this.goal[n]?.length === goal[n]?.length);
    this.from = glides && alike ? this.at(now) : null;
    const gap = now - (this.came ?? now);
    if (gap > 0 && gap < LONGEST) this.gap += 0.25 * (gap - this.gap);
    this.came = now;
    this.goal = goal;
    this.begun = now;
    // A picture that comes alone has time.
    this.span = gap < LONGEST ? Math.max(SHORTEST, SLACK * this.gap) : LONGEST;
  }

  /** Whether it is still on its way. */
  moves(now) {
    return this.from !== null && now - this.begun < this.span;
  }

  /** The numbers at a time. */
  at(now) {
    if (!this.goal || !this.moves(now)) return this.goal;
    const t = Math.max(0, (now - this.begun) / this.span);
    return Object.fromEntries(this.names.map(n => [n, this.goal[n] && this.goal[n].map((v, i) => this.from[n][i] + (v - this.from[n][i]) * t)]));
  }
}
