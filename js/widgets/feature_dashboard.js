// @ts-check
// One feature: how often and how strongly it fires, what it does to the logits, what lies near it, and on which texts.
import { combobox } from "../lib/combobox.js";
import { CONTEXTS_CSS, contextList } from "../lib/context_list.js";
import { fill, h, listen, needsKernel, on, write } from "../lib/dom.js";
import { densityWords, facts, histogram, logitTables, pairs, panel, PANELS_CSS, shapeWords } from "../lib/feature_panels.js";
import { count, number, percent, signed } from "../lib/format.js";
import { PASS_BAR_CSS, passBar } from "../lib/pass_bar.js";
import { beside, savedFeatures } from "../lib/saved_features.js";
import { quotedToken, visible } from "../lib/tokens.js";

const WIDTHS = [["stacked", "5 tokens"], ["snippet", "Snippet"], ["full", "Wrapped"]];
const GROUPS = [["interval", "Equal parts of the range"], ["quantile", "Quantiles"]];
const SORTS = [["strength", "Strongest first"], ["document", "By document"]];

/** @param {import("../main.js").ViewProps} props */
export function render({ model, el, root, ask, offline, theme }) {
  const get = (/** @type {string} */ name) => model.get(name);
  const set = (/** @type {Record<string, any>} */ values) => write(model, values);
  const saved = get("saved") && savedFeatures(get("saved")); // a saved page, which has some of the features
  const listed = () => get("listed") ?? []; // features from files, which need not have all
  const noModel = offline || get("has_model") === false;
  const isFixed = offline && !(get("saved")?.features.length > 1);
  const isThere = (/** @type {number} */ feature) => (saved ? saved.has(feature) : !offline && (!listed().length || listed().includes(feature)));
  /** @type {number | null} */
  let lookedAct = null;

  // -- parts ---------------------------------------------------------------------------------------------------------

  const button = (/** @type {string} */ text, /** @type {string} */ hint, /** @type {() => void} */ onclick) => needsKernel(h("button", { class: "sw-btn sw-icon", type: "button", hint, onclick }, text), isFixed);
  const go = (/** @type {number} */ feature) => isThere(feature) && set({ feature });
  const goOn = (/** @type {number} */ by) => go(saved ? saved.beside(get("feature"), by) : listed().length ? beside(listed(), get("feature"), by) : (get("feature") + by + get("n_features")) % get("n_features"));
  const title = h("strong", { class: "sw-fd-title" });
  const name = h("input", { class: "sw-input sw-fd-name", type: "text", maxlength: "200", placeholder: "Name this feature", "aria-label": "Name of the feature", spellcheck: "false", onchange: () => model.send({ kind: "label", text: name.value }) });
  name.readOnly = offline; // to be read, not greyed out
  const find = combobox({
    label: "Go to a feature: number, name or token", placeholder: "Go to feature",
    search: async (query, signal) => (!query.trim() ? [] : saved ? saved.search(query) : (await ask("search", { query }, { signal })).value),
    show: (found) => [h("span", { class: "sw-mono" }, `#${found.feature}`), h("span", { class: "sw-ellipsis sw-token" }, ` ${visible(found.label)}`)],
    onPick: (found) => go(found.feature),
    onText: (text) => /^#?\d+$/.test(text.trim()) && go(Number(text.trim().replace("#", ""))),
  });
  if (isFixed) find.node.hidden = true;
  const pin = h("button", { class: "sw-btn", type: "button", onclick: togglePin });
  const pins = h("div", { class: "sw-row sw-fd-pins", role: "group", "aria-label": "Pinned features" });
  const explained = h("div", { class: "sw-row sw-small sw-fd-explained" });
  const pass = passBar(model);

  const density = h("div", { class: "sw-fp-line sw-small" });
  const shape = h("div", { class: "sw-small sw-fp-line" });
  const activations = h("div");
  const lookedBar = h("div", { class: "sw-small sw-muted sw-fd-looked", "aria-hidden": "true" });
  const log = h("label", { class: "sw-check sw-small" }, h("input", { type: "checkbox", onchange: (/** @type {any} */ event) => set({ log_counts: event.target.checked }) }), "log");
  const logits = h("div");
  const rank = h("input", { class: "sw-input sw-fd-rank", type: "text", placeholder: "Rank of a token, e.g. “ the”", "aria-label": "Rank of a token among all", spellcheck: "false", onchange: askRank });
  needsKernel(rank, noModel);
  const ranked = h("span", { class: "sw-small", role: "status" });
  const near = h("div", { class: "sw-fd-near" });
  const list = contextList({
    offline: noModel,
    onRow: async (group, place) => (await ask("row", { feature: get("page").feature, group, place })).value,
    onEffects: async (group, place, whole) => (await ask("effects", { feature: get("page").feature, group, place, whole }, { key: `effects ${group}:${place}` })).value,
    onLook: (act) => {
      if (act === lookedAct) return;
      lookedAct = act;
      drawActivations();
    },
  });
  const choice = (/** @type {string} */ trait, /** @type {string} */ label, /** @type {string[][]} */ options) => h("select", { class: "sw-select sw-small", "aria-label": label, "data-trait": trait, onchange: (/** @type {any} */ event) => set({ [trait]: event.target.value }) }, options.map(([value, words]) => h("option", { value }, words)));
  const choices = { width: choice("width", "How much of a context", WIDTHS), group_by: choice("group_by", "Groups", GROUPS), sort: choice("sort", "Order in a group", SORTS) };
  needsKernel(choices.group_by, noModel);
  const breaks = h("label", { class: "sw-check sw-small" }, h("input", { type: "checkbox", onchange: (/** @type {any} */ event) => set({ show_breaks: event.target.checked }) }), "line breaks");
  const left = h("div", { class: "sw-fd-left" },
    panel("How often, how strongly", log, density, activations, lookedBar, shape),
    panel("Direct effect on the next token", null, logits, h("div", { class: "sw-row" }, rank, ranked)),
    near);
  const right = h("div", { class: "sw-fd-right" }, h("div", { class: "sw-row sw-fd-tools" }, choices.group_by, choices.width, choices.sort, breaks), list.node);
  const body = h("div", { class: "sw-fd-body" }, left, right);
  const waiting = h("p", { class: "sw-muted sw-fd-waiting" }, "Reading texts; what is known shows here in a moment.");
  el.append(
    h("div", { class: "sw-row sw-fd-head" },
      button("‹", "Previous feature (left arrow)", () => goOn(-1)), button("›", "Next feature (right arrow)", () => goOn(1)), button("⚄", "A random feature that fires", goRandom),
      title, name, h("span", { class: "sw-grow" }), find.node, pin),
    pins, explained, pass.node, waiting, body);

  // -- drawing -------------------------------------------------------------------------------------------------------

  function draw() {
    const started = performance.now();
    const page = get("page");
    const has = page && page.feature !== undefined;
    body.hidden = !has;
    waiting.hidden = has;
    title.textContent = `#${get("feature")}`;
    drawPins();
    if (!has) return;
    root.toggleAttribute("data-stale", page.feature !== get("feature"));
    if (document.activeElement !== name) name.value = page.label;
    name.placeholder = page.top_tokens.length ? `Name this feature (${page.top_tokens.map((/** @type {string} */ t) => quotedToken(t, 14)).join(" ")})` : "Name this feature";
    drawExplained(page);
    const [share, interval] = densityWords(page);
    pairs(density, [["fires on", share], .../** @type {[string, string][]} */ (page.density_low === null ? [] : [["95 %", interval]]), ["of", `${count(page.n_tokens)} tokens`]]);
    pairs(shape, /** @type {any} */ (shapeWords(page)).filter((/** @type {string[]} */ [, value]) => value !== number(null)));
    drawActivations();
    drawLogits(page);
    drawNear(page);
    drawContexts();
    root.dataset.drawMs = (performance.now() - started).toFixed(1); // for whoever measures
    root.dataset.feature = String(page.feature);
  }

  /** @param {any} page */
  function drawExplained(page) {
    // A name that came as an explanation without an author needs no second mention.
    const found = (page.explanations ?? []).filter((/** @type {string[]} */ [text, by]) => by || text !== page.label);
    explained.hidden = !found.length;
    const take = (/** @type {string} */ text) => h("button", { class: "sw-btn sw-plain sw-small", type: "button", onclick: () => model.send({ kind: "label", text }) }, "Use as name");
    fill(explained, found.map((/** @type {string[]} */ [text, by]) => h("span", { class: "sw-fd-explanation" },
      h("span", { class: "sw-muted" }, by ? `Explained by ${visible(by)}: ` : "Explained: "), h("span", { class: "sw-token" }, visible(text)), !offline && text !== page.label && take(text))));
  }

  function drawActivations() {
    const page = get("page");
    if (page?.feature === undefined) return;
    /** @type {any} */ (log.firstChild).checked = get("log_counts");
    const { counts, width } = page.histogram;
    const used = counts.findLastIndex((/** @type {number} */ n) => n > 0) + 1;
    if (!used) {
      fill(activations, h("p", { class: "sw-muted sw-small" }, "It has not fired on these texts: its density is below the interval's upper end."));
      return;
    }
    const bars = { counts: counts.slice(0, used), low: 0, high: used * width, name: "Activations by strength", unit: "tokens" };
    fill(activations, histogram(bars, { isLog: get("log_counts"), mark: lookedAct ? Math.abs(lookedAct) : null, onLook: (words) => (lookedBar.textContent = words) }));
  }

  /** @param {any} page */
  function drawLogits(page) {
    const has = Array.isArray(page.logits.up);
    rank.hidden = !has;
    ranked.textContent = "";
    if (!has) {
      fill(logits, h("p", { class: "sw-small sw-muted" }, visible(page.logits.note)));
      return;
    }
    const { counts, low, high } = page.logits;
    const seen = h("div", { class: "sw-small sw-muted sw-fd-looked", "aria-hidden": "true" });
    fill(logits, logitTables(page.logits),
      histogram({ counts, low, high, name: "Tokens of the vocabulary by effect", unit: "tokens", isSigned: true }, { isLog: true, mark: 0, onLook: (words) => (seen.textContent = words) }), seen);
  }

  /** @param {any} page */
  function drawNear(page) {
    const { weights } = page;
    const other = (/** @type {number} */ feature, /** @type {string} */ label) => ({ feature, label, isThere: isThere(feature) });
    const sampled = page.n_sample ? `${count(page.n_sample)} tokens drawn` : "";
    const hasAll = get("has_model") !== false; // files do not say it all
    fill(near,
      (hasAll || page.tokens.length) && panel("Tokens that excite it", sampled, facts(["token", "mean", "fires"], page.tokens.map((/** @type {any[]} */ [, text, mean, n, all]) => [quotedToken(text, 24), number(mean), `${count(n)} of ${count(all)}`]), go, "No tokens were sampled.")),
      panel("Fires with", sampled, facts(["feature", "Pearson", "95 %", "cosine"], page.correlated.map((/** @type {any[]} */ [f, r, lo, hi, cosine, , label]) => [other(f, label), number(r, 2), lo === null ? number(null) : `${number(lo, 2)} – ${number(hi, 2)}`, number(cosine, 2)]), go, "No tokens were sampled.")),
      hasAll && panel("Points the same way", "decoder rows", facts(["feature", "cosine"], page.neighbours.map((/** @type {any[]} */ [f, cosine, label]) => [other(f, label), number(cosine, 2)]), go, "No other feature.")),
      panel("Neurons", "of the decoder row", facts(["neuron", "value", "% of L1"], page.alignment.slice(0, 5).map((/** @type {any[]} */ [i, value, share]) => [String(i), signed(value), percent(share)]), go, "")),
      panel("Correlated neurons", "of what it reads", facts(["neuron", "Pearson", "cosine"], page.neurons.slice(0, 5).map((/** @type {any[]} */ [i, r, cosine]) => [String(i), signed(r, 2), signed(cosine, 2)]), go, "Not gathered for an SAE of this size.")),
      hasAll && panel("Weights", null, facts(["", ""], [["decoder norm", number(weights.decoder_norm)], ["encoder norm", number(weights.encoder_norm)], ["encoder · decoder", number(weights.encoder_decoder_cosine, 2)], ["encoder bias", signed(weights.encoder_bias)]], go, "")));
  }

  function drawContexts() {
    const page = get("page");
    if (page?.feature === undefined) return;
    for (const [trait, select] of Object.entries(choices)) select.value = get(trait);
    /** @type {any} */ (breaks.firstChild).checked = get("show_breaks");
    list.set(page.groups, { width: get("width"), breaks: get("show_breaks"), sort: get("sort"), top: page.max_act, theme: theme.name() });
  }

  function drawPins() {
    const pinned = get("pinned");
    const isPinned = pinned.includes(get("feature"));
    pin.textContent = isPinned ? "Unpin" : "Pin";
    pin.setAttribute("aria-pressed", String(isPinned));
    pins.hidden = !pinned.length;
    fill(pins, h("span", { class: "sw-small sw-muted" }, "Pinned"), pinned.map((/** @type {number} */ feature) => h("button", { class: "sw-btn sw-small", type: "button", "aria-pressed": String(feature === get("feature")), disabled: !isThere(feature), onclick: () => go(feature) }, `#${feature}`)));
  }

  // -- acting --------------------------------------------------------------------------------------------------------

  function togglePin() {
    const [pinned, feature] = [get("pinned"), get("feature")];
    set({ pinned: pinned.includes(feature) ? pinned.filter((/** @type {number} */ f) => f !== feature) : [...pinned, feature] });
  }

  async function showSaved() {
    const feature = get("feature");
    if (!saved || get("page")?.feature === feature) return;
    const page = await saved.page(feature);
    if (get("feature") === feature) set({ page });
  }

  async function goRandom() {
    try {
      go(saved ? saved.random() : (await ask("random")).value);
    } catch {
      // Said in the foot by the kernel's own error; the feature stays.
    }
  }

  async function askRank() {
    const text = rank.value;
    if (!text) return;
    try {
      const { rank: place, n, effect } = (await ask("token", { text })).value;
      ranked.textContent = `${count(place)} of ${count(n)} (${signed(effect)})`;
    } catch (error) {
      ranked.textContent = error instanceof Error ? visible(error.message) : String(error);
    }
  }

  const narrow = new ResizeObserver(() => body.classList.toggle("sw-fd-narrow", el.clientWidth < 820));
  narrow.observe(el);
  theme.onChange(drawContexts);
  const stops = [
    listen(model, ["page"], draw),
    listen(model, ["feature", "pinned"], () => {
      title.textContent = `#${get("feature")}`;
      root.toggleAttribute("data-stale", get("page")?.feature !== get("feature"));
      drawPins();
      showSaved();
    }),
    listen(model, ["log_counts"], drawActivations),
    listen(model, ["width", "show_breaks", "sort"], drawContexts),
    pass.stop,
    on(root, "keydown", (event) => {
      if (isFixed || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || event.target.closest(".sw-cl, .sw-hist-box")) return;
      if (event.key === "ArrowRight") goOn(1);
      else if (event.key === "ArrowLeft") goOn(-1);
      else return;
      event.preventDefault();
    }),
  ];
  draw();
  showSaved();
  return () => {
    narrow.disconnect();
    list.stop();
    find.stop?.();
    for (const stop of stops) stop();
  };
}

export const css = `${PANELS_CSS}${CONTEXTS_CSS}${PASS_BAR_CSS}
.sw-fd-head { margin-bottom: 6px; }
.sw-fd-title { font-size: 15px; }
.sw-fd-name { flex: 1 1 180px; max-width: 340px; }
.sw-fd-explanation { display: inline-flex; align-items: baseline; gap: 4px; }
.sw-fd-pins, .sw-fd-explained { margin-bottom: 6px; }
.sw-fd-body { display: grid; grid-template-columns: minmax(260px, 320px) minmax(0, 1fr); gap: 0 18px; border-top: 1px solid var(--sw-line); }
.sw-fd-left, .sw-fd-right { min-width: 0; max-height: 720px; overflow: auto; overscroll-behavior: contain; }
.sw-fd-left { padding-inline-end: 10px; }
.sw-fd-right { padding-top: 8px; }
.sw-fd-narrow { grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); }
.sw-fd-narrow .sw-fd-left, .sw-fd-narrow .sw-fd-near { display: contents; }
.sw-fd-narrow .sw-fd-right { order: 1; grid-column: 1 / -1; max-height: 480px; border-bottom: 1px solid var(--sw-line); }
.sw-fd-narrow .sw-fd-near > .sw-fp { order: 2; }
.sw-fd-tools { position: sticky; top: 0; z-index: 2; padding-bottom: 6px; background: var(--sw-bg); }
.sw-fd-looked { min-height: 18px; }
.sw-fd-rank { flex: 1 1 120px; font-size: 12px; }
.sw-fd-waiting { padding: 18px 0; }
.sw-root[data-stale] .sw-fd-body { opacity: .55; }
`;
