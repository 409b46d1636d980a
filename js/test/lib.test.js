import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { isCancelled, KernelError, makeAsk } from "../lib/ask.js";
import { contrast, gradient, GROUND, heat, hue, inkOn, N_HUES, tint, toOklab } from "../lib/color.js";
import { bytes, count, duration, number, percent, plural, signed } from "../lib/format.js";
import { makeHost, parseState } from "../lib/host.js";
import { debounce, throttle } from "../lib/sync.js";
import { quotedToken, shorten, spokenToken, tokenText, visible } from "../lib/tokens.js";

test("hidden, reordering and half characters are shown", () => {
  assert.equal(visible("a\u0000b\u202ec\ud800d\u200be\u007f"), "a\u2400b\u27e8U+202E\u27e9c\u27e8U+D800\u27e9d\u27e8U+200B\u27e9e\u2421");
  assert.equal(visible("\u{e0041}"), "\u27e8U+E0041\u27e9");
  assert.equal(visible("tab\tline\n\u{1f642} \u6771"), "tab\tline\n\u{1f642} \u6771");
});

test("no hostile text keeps a character that hides or reorders, or half of one", async () => {
  const texts = JSON.parse(await readFile(new URL("../../tests/hostile.json", import.meta.url), "utf8"));
  assert.ok(texts.length > 10);
  for (const text of texts) {
    for (const shown of [visible(text), tokenText(text, { spaces: true, newlines: true }), quotedToken(text), spokenToken(text)]) {
      assert.doesNotMatch(shown, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/);
      assert.ok(shown.isWellFormed(), shown);
    }
  }
});

test("marks for spaces and line ends come on demand", () => {
  assert.equal(tokenText(" a\n"), " a ");
  assert.equal(tokenText(" a\n", { spaces: true, newlines: true }), "\u00b7a\u21b5");
  assert.equal(quotedToken(" the"), "\u201c\u00b7the\u201d");
});

test("a token is never cut inside a character", () => {
  assert.equal(shorten("ab\u{1f642}cd", 3), "ab\u2026");
  assert.equal(shorten("abc", 3), "abc");
  assert.equal(shorten("x".repeat(10000), 5).length, 6);
});

test("a screen reader hears what marks would show", () => {
  assert.equal(spokenToken(" the"), "the");
  assert.equal(spokenToken(" "), "space");
  assert.equal(spokenToken("    "), "4 spaces");
  assert.equal(spokenToken("\n"), "newline");
  assert.equal(spokenToken(""), "empty");
});

test("numbers have few digits and a true minus sign", () => {
  assert.equal(number(3.14159), "3.14");
  assert.equal(number(-0.0123456), "\u22120.0123");
  assert.deepEqual([0.99999, 1, 99.96, 999999.9].map((value) => number(value)), ["1.00", "1.00", "100", "1.00e6"]);
  assert.equal(number(0), "0");
  assert.equal(number(NaN), "\u2013");
  assert.equal(number(1234567), "1.23e6");
  assert.equal(number(Infinity), "\u221e");
  assert.equal(signed(1.5), "+1.50");
  assert.equal(count(1234567), "1,234,567");
  assert.equal(percent(0.123), "12.3 %");
  assert.equal(duration(3905), "1:05:05");
  assert.equal(duration(65), "1:05");
  assert.equal(bytes(1_500_000), "1.50 MB");
  assert.equal(plural(1, "token"), "1 token");
  assert.equal(plural(1000, "token"), "1,000 tokens");
});

for (const theme of ["light", "dark"]) {
  test(`the heat map's lightness always moves away from the ${theme} ground, for both signs`, () => {
    for (const sign of [1, -1]) {
      const lightness = Array.from({ length: 21 }, (_, i) => toOklab(heat((sign * i) / 20, theme))[0]);
      const steps = lightness.slice(1).map((l, i) => (l - lightness[i]) * (theme === "light" ? -1 : 1));
      assert.ok(steps.every((step) => step > 0), `${steps}`);
    }
    assert.deepEqual(heat(0, theme), GROUND[theme]);
    assert.deepEqual(heat(NaN, theme), GROUND[theme]);
    assert.deepEqual(heat(7, theme), heat(1, theme));
  });

  test(`text on every ${theme} colour has a contrast of at least 4.5`, () => {
    for (let i = 0; i <= 20; i += 1) {
      for (const color of [heat(i / 20, theme), heat(-i / 20, theme), ...Array.from({ length: N_HUES }, (_, k) => tint(k, i / 20, theme))]) {
        assert.ok(contrast(color, inkOn(color)) >= 4.5, `${color}`);
      }
    }
  });

  test(`the ${theme} hues of an overlay are told apart without red and green`, () => {
    // Deuteranopia after Machado et al. (2009), severity 1, on linear light.
    const M = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]];
    const toLinear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const toGamma = (c) => 255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);
    const seen = (rgb) => toOklab(M.map((row) => toGamma(Math.min(1, Math.max(0, row.reduce((sum, m, k) => sum + m * toLinear(rgb[k] / 255), 0))))));
    const all = Array.from({ length: N_HUES }, (_, k) => seen(hue(k, theme)));
    for (let a = 0; a < N_HUES; a += 1) {
      for (let b = 0; b < a; b += 1) assert.ok(Math.hypot(...all[a].map((x, k) => x - all[b][k])) > 0.055, `${a} ${b}`);
    }
  });
}

test("a gradient spans both signs when asked", () => {
  assert.match(gradient((t) => heat(t, "light"), -1), /^linear-gradient\(to right, rgb\(12 70 132\).*rgb\(160 60 0\)\)$/);
});

test("throttle passes the first at once, then the newest, and never loses the last", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const seen = [];
  const call = throttle((x) => seen.push(x), 20);
  for (let i = 0; i < 10; i += 1) call(i);
  assert.deepEqual(seen, [0]);
  t.mock.timers.tick(19);
  assert.deepEqual(seen, [0]);
  t.mock.timers.tick(1);
  assert.deepEqual(seen, [0, 9]);
  t.mock.timers.tick(20);
  call(10);
  assert.deepEqual(seen, [0, 9, 10]);
  call(11);
  call.cancel();
  t.mock.timers.tick(100);
  assert.deepEqual(seen, [0, 9, 10]);
});

test("debounce waits for a pause; flush does not", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const seen = [];
  const call = debounce((x) => seen.push(x), 20);
  call(1);
  t.mock.timers.tick(15);
  call(2);
  t.mock.timers.tick(15);
  assert.deepEqual(seen, []);
  t.mock.timers.tick(5);
  assert.deepEqual(seen, [2]);
  call(3);
  call.flush();
  call.flush();
  assert.deepEqual(seen, [2, 3]);
});

/** A kernel that answers by op. */
const kernel = (answers) => makeHost({}, (content, reply) => answers[content.kind === "req" ? content.op : content.kind]?.(content, reply));

test("a question ends with its value and buffers", async () => {
  const host = kernel({ add: (c, reply) => reply({ kind: "res", id: c.id, ok: true, value: c.args.a + 1 }, [new DataView(new ArrayBuffer(2))]) });
  const { ask, stop } = makeAsk(host);
  const answer = await ask("add", { a: 1 });
  assert.equal(answer.value, 2);
  assert.equal(answer.buffers[0].byteLength, 2);
  stop();
  assert.equal(host.n_listeners(), 0);
});

test("a question ends with the kernel's error", async () => {
  const { ask, stop } = makeAsk(kernel({ bad: (c, reply) => reply({ kind: "res", id: c.id, ok: false, error: { type: "ValueError", message: "no", traceback: "tb" } }) }));
  await assert.rejects(ask("bad"), (error) => error instanceof KernelError && error.name === "ValueError" && error.message === "no" && error.traceback === "tb");
  stop();
});

test("progress keeps a question alive; silence ends it", async () => {
  const seen = [];
  const host = kernel({
    slow(c, reply) {
      let n = 0;
      const timer = setInterval(() => {
        n += 1;
        reply(n < 4 ? { kind: "progress", id: c.id, done: n, total: 4, text: "" } : { kind: "res", id: c.id, ok: true, value: "done" });
        if (n === 4) clearInterval(timer);
      }, 20);
    },
  });
  const { ask, stop } = makeAsk(host, { timeout: 400 });
  assert.equal((await ask("slow", {}, { onProgress: (at) => seen.push(at.done) })).value, "done");
  assert.deepEqual(seen, [1, 2, 3]);
  await assert.rejects(ask("nobody answers"), /busy or gone/);
  stop();
});

test("an aborted question is cancelled in the kernel too, and a closed view leaves none open", async () => {
  const sent = [];
  const { ask, stop } = makeAsk(makeHost({}, (content) => sent.push(content)));
  const aborting = new AbortController();
  const first = ask("slow", {}, { signal: aborting.signal });
  aborting.abort();
  await assert.rejects(first, isCancelled);
  assert.deepEqual([sent[1].kind, sent[1].id], ["cancel", sent[0].id]);
  const second = ask("slow");
  stop();
  await assert.rejects(second, isCancelled);
});

test("two views ask under keys of their own, so that neither cancels the other", () => {
  const keys = [];
  const host = makeHost({}, (content) => keys.push(content.key));
  for (const view of [makeAsk(host), makeAsk(host)]) {
    view.ask("search").catch(() => {});
    view.ask("search").catch(() => {});
    view.stop();
  }
  assert.equal(keys[0], keys[1]);
  assert.notEqual(keys[0], keys[2]);
});

test("ping tells a live kernel from a silent one", async () => {
  const live = makeAsk(kernel({ ping: (c, reply) => reply({ kind: "pong", id: c.id }) }));
  assert.equal(await live.ping(50), true);
  const silent = makeAsk(makeHost({}));
  assert.equal(await silent.ping(20), false);
  live.stop();
  silent.stop();
});

test("the saved page's host tells listeners of changes, and binary traits come as views", () => {
  const host = makeHost(parseState('{"a": {"$b64": "AQID"}, "b": [1, {"$b64": ""}]}'));
  assert.deepEqual([...new Uint8Array(host.get("a").buffer)], [1, 2, 3]);
  assert.equal(host.get("b")[1].byteLength, 0);
  let n = 0;
  const listener = () => (n += 1);
  host.on("change:b", listener);
  host.set("b", 1);
  host.set("b", 1);
  host.off("change:b", listener);
  host.set("b", 2);
  assert.equal(n, 1);
});
