// @ts-check
// Tokens of a prompt coloured by the features that fire on them; prompt, list of features, legend and detail around them.
import { isCancelled } from "../lib/ask.js";
import { css as cssOf, gradient, GROUND, heat as heatColor, hue, N_HUES } from "../lib/color.js";
import { fill, h, listen, write } from "../lib/dom.js";
import { FEATURE_LIST_CSS, featureList } from "../lib/feature_list.js";
import { number, plural } from "../lib/format.js";
import { heatView } from "../lib/heat_view.js";
import { addColumns, column, largest, peaks, readHeat, search, sorted, strongest, summarize } from "../lib/sparse.js";
import { promptBox } from "../lib/prompt_box.js";
import { debounce } from "../lib/sync.js";
import { TOKEN_CANVAS_CSS, tokenCanvas } from "../lib/token_canvas.js";
import { quotedToken, spokenToken, tokenText, visible } from "../lib/tokens.js";

const MODES = [["strongest", "Strongest", "The strongest feature of each token"], ["feature", "One feature", "One feature's intensity over the text"], ["overlay", "Overlay", "Several features in different hues"]];
const SORTS = [["max", "by peak"], ["mean", "by mean"], ["count", "by tokens"]];

/** @param {import("../main.js").ViewProps} props */
export function render({ model, el, root, ask, offline, theme }) {
  /** @type {import("../lib/sparse.js").Heat | null} */
  let heat = null;
  /** @type {import("../lib/sparse.js").FeatureLine[]} */
  let lines = [];
  /** @type {import("../lib/heat_view.js").HeatView | null} */
  let view = null;
  /** @type {number | null} */
  let preview = null;
  /** @type {number | null} */
  let hovered = null;
  /** @type {number | null} */
  let focused = null;
  /** @type {number[]} */
  let stops = [];
  /** Features that the kernel found beyond those that fire here. @type {{ feature: number, label: string }[]} */
  let elsewhere = [];
  let query = "";
  let receivedAt = 0;
  const get = (/** @type {string} */ name) => model.get(name);
  const set = (/** @type {Record<string, any>} */ values) => write(model, values);
  const label = (/** @type {number} */ feature) => heat?.labels.get(feature) ?? "";
  const name = (/** @type {number} */ feature) => `${feature}${label(feature) ? ` ${visible(label(feature))}` : ""}`;

  /** Number, label and value of a feature, as chips, tips and the detail line show them. @param {number} feature @param {number} [value] */
  const words = (feature, value) => [
    h("span", { class: "sw-mono sw-muted" }, feature), h("span", { class: "sw-ellipsis sw-token" }, visible(label(feature))),
    value !== undefined && h("span", { class: `sw-num${value ? "" : " sw-muted"}` }, number(value))];
  const show = (/** @type {number} */ feature) => set(get("mode") === "overlay" ? toggled(feature) : { features: [feature], mode: "feature" });

  // -- parts ---------------------------------------------------------------------------------------------------------

  const prompt = promptBox(model, "Type a text to look at", offline);
  const modes = h("div", { class: "sw-seg", role: "radiogroup", "aria-label": "What the colours show" },
    MODES.map(([mode, words, why]) => h("button", { class: "sw-btn", role: "radio", "data-mode": mode, title: why, onclick: () => setMode(mode) }, words)));
  const toggle = (/** @type {string} */ trait, /** @type {import("../lib/dom.js").Child} */ words, /** @type {string} */ why, isOpposite = false) =>
    h("button", { class: "sw-btn sw-th-toggle", hint: why, "data-trait": trait, "data-opposite": isOpposite, onclick: () => set({ [trait]: !get(trait) }) }, words);
  const toggles = h("div", { class: "sw-seg" },
    toggle("show_spaces", h("span", {}, h("span", { "aria-hidden": "true" }, "· "), "spaces"), "Show marks for spaces"),
    toggle("show_newlines", h("span", {}, h("span", { "aria-hidden": "true" }, "↵ "), "lines"), "Show marks for the ends of lines"),
    toggle("dim_bos", "BOS", "Count special tokens such as BOS: colour them and let them set the scale", true));
  const scale = h("select", { class: "sw-select", hint: "What full colour means", onchange: () => set({ scale: scale.value }) },
    h("option", { value: "prompt" }, "scale: this prompt"), h("option", { value: "feature" }, "scale: feature’s maximum"));
  const step = (/** @type {string} */ words, /** @type {string} */ why, /** @type {() => void} */ fn) => h("button", { class: "sw-btn sw-icon", hint: why, onclick: fn }, words);
  const jumps = h("div", { class: "sw-row sw-th-jumps" },
    step("‹", "Previous peak (p)", () => jump(-1)), step("max", "Jump to the max (m)", jumpToMax), step("›", "Next peak (n)", () => jump(1)));
  const controls = h("div", { class: "sw-row" }, modes, toggles, scale, h("span", { class: "sw-grow" }), jumps);
  const legend = h("div", { class: "sw-th-legend sw-row sw-small" });
  const detail = h("div", { class: "sw-th-detail" });
  const tip = h("div", { class: "sw-tip", hidden: true });
  const live = h("div", { class: "sw-hidden-text", "aria-live": "polite" });

  const tokens = tokenCanvas({
    label: "Tokens. Arrow keys move, n and p go to the next and previous peak, m to the maximum, Enter pins.",
    onHover(i) {
      hovered = i;
      showTip(i);
      drawDetail();
    },
    onFocus(i) {
      showTip(i);
      if (i === null) return; // left: what was looked at last stays below
      focused = i;
      drawDetail();
      live.textContent = sentence(i);
    },
    onPin: (i) => pin(get("pinned") === i ? null : i),
    onKey,
  });
  const list = featureList({
    label: "Features that fire on this text",
    onShow: show,
    onToggle: (feature) => set({ ...toggled(feature), mode: "overlay" }),
    onPreview(feature) {
      if (preview === feature) return;
      preview = feature;
      drawColours();
    },
  });
  const find = h("input", { class: "sw-input", type: "search", placeholder: "Number, label or token", "aria-label": "Search a feature", oninput: () => searchFor(find.value), onkeydown: onSearchKey });
  const order = h("select", { class: "sw-select", "aria-label": "Order of the features", onchange: () => set({ sort: order.value }) }, SORTS.map(([value, words]) => h("option", { value }, words)));
  const counted = h("span", { class: "sw-small sw-muted sw-grow" });
  const side = h("div", { class: "sw-th-side sw-card" }, h("div", { class: "sw-th-find" }, find, h("div", { class: "sw-row" }, counted, order)), list.node);
  const stage = h("div", { class: "sw-th-stage" }, tokens.node, tip);
  const body = h("div", { class: "sw-th-body" }, h("div", { class: "sw-th-main" }, stage, detail), side);
  el.append(prompt.node, controls, legend, body, live);

  // -- drawing -------------------------------------------------------------------------------------------------------

  function settings() {
    return {
      mode: preview === null ? get("mode") : "feature", features: preview === null ? get("features") : [preview],
      scale: get("scale"), dimBos: get("dim_bos"), theme: theme.name(), ground: groundOf(root) ?? GROUND[theme.name()],
    };
  }

  function takeData() {
    receivedAt = performance.now();
    heat = readHeat(get("payload"), get("columns"));
    elsewhere = [];
    focused = null;
    drawAll();
    if (!heat) return;
    // One frame after the drawing: the time from the data's arrival until it is on the screen.
    requestAnimationFrame(() => {
      const took = performance.now() - receivedAt;
      root.dataset.paintMs = took.toFixed(1);
      performance.measure?.("sae_widgets:heatmap", { start: receivedAt, duration: took });
    });
  }

  function drawAll() {
    const [spaces, newlines] = [get("show_spaces"), get("show_newlines")];
    for (const button of modes.children) {
      const isOn = button.dataset.mode === get("mode");
      button.setAttribute("aria-checked", String(isOn));
      button.tabIndex = isOn ? 0 : -1;
    }
    for (const button of toggles.children) button.setAttribute("aria-pressed", String(get(button.dataset.trait) !== (button.dataset.opposite !== undefined)));
    scale.value = get("scale");
    order.value = get("sort");
    prompt.node.hidden = !get("has_model");
    body.hidden = !heat;
    controls.hidden = legend.hidden = !heat;
    if (!heat) return;
    const found = heat;
    scale.hidden = found.maxima.size === 0;
    lines = sorted(summarize(found, get("dim_bos")), get("sort"));
    view = heatView(found, settings());
    /** @type {Map<string, string>} */
    const shownAs = new Map(); // most tokens of a long text repeat
    const leads = Uint8Array.from(found.tokens, (token) => (!spaces && token.length > 1 && token[0] === " " ? 1 : 0));
    const texts = found.tokens.map((token, i) => {
      let shown = shownAs.get(token);
      if (shown === undefined) shownAs.set(token, (shown = tokenText(leads[i] ? token.slice(1) : token, { spaces, newlines, limit: 120 })));
      return shown;
    });
    tokens.setContent({
      texts, leads, breaks: Uint8Array.from(found.tokens, (token) => (token.includes("\n") ? 1 : 0)),
      notes: get("mode") === "strongest" ? texts.map((_, i) => (found.starts[i] < found.starts[i + 1] ? String(found.ids[found.starts[i]]) : "")) : null,
      hasMarks: get("mode") !== "feature", look: view.look, spoken: (i) => `${spokenToken(found.tokens[i])}, position ${i}`,
    });
    tokens.setPinned(pinnedToken());
    afterColours();
  }

  function drawColours() {
    if (!heat) return;
    view = heatView(heat, settings());
    tokens.setLook(view.look);
    afterColours();
  }

  function afterColours() {
    if (!heat || !view) return;
    tip.hidden = true;
    stops = preview === null ? peaks(view.values, 0.25, get("dim_bos") ? heat.special : []) : stops;
    drawLegend();
    drawList();
    drawDetail();
  }

  function drawLegend() {
    if (!heat || !view) return;
    const { shown, mode } = view;
    const name_ = theme.name();
    if (mode === "feature") {
      const hasNaN = column(heat, shown[0]).some(Number.isNaN);
      fill(legend, h("b", {}, `Feature ${shown[0]}`), h("span", { class: "sw-ellipsis sw-token" }, visible(label(shown[0]))), h("span", { class: "sw-grow" }),
        h("span", { class: "sw-num" }, number(view.low)), h("i", { class: "sw-th-ramp", style: { background: gradient((t) => heatColor(t, name_), view.low < 0 ? -1 : 0) } }), h("span", { class: "sw-num" }, number(view.top)),
        hasNaN && h("span", { class: "sw-row" }, h("i", { class: "sw-swatch sw-hatch" }), "not a number"));
      return;
    }
    const chips = shown.map((feature, k) => chip(feature, cssOf(hue(k, name_)), mode === "overlay"));
    const rest = mode === "strongest" && h("span", { class: "sw-row sw-muted" }, h("i", { class: "sw-swatch", style: { background: cssOf(hue(N_HUES - 1, name_)) } }), "others");
    fill(legend, chips.length ? chips : h("span", { class: "sw-muted" }, "Nothing fires on this text."), chips.length > 0 && rest);
  }

  /** @param {number} feature @param {string} color @param {boolean} isRemovable */
  function chip(feature, color, isRemovable) {
    return h("button", { class: "sw-btn sw-plain sw-th-chip", hint: isRemovable ? `Take feature ${name(feature)} out` : `Show feature ${name(feature)} alone`, onclick: () => set(isRemovable ? toggled(feature) : { features: [feature], mode: "feature" }) },
      h("i", { class: "sw-swatch", style: { background: color } }), h("span", { "aria-hidden": "true" }, words(feature), isRemovable && " \u00d7"));
  }

  function drawList() {
    if (!heat) return;
    const selected = new Set(get("features"));
    const measured = (/** @type {any} */ line) => (get("sort") === "mean" ? line.mean : get("sort") === "count" ? line.count : line.peak);
    const known = search(heat, lines, query);
    const top = largest(known.slice(0, 2000).map(measured)) || 1;
    const isHued = view?.mode !== "feature";
    const color = (/** @type {number} */ feature) => (isHued && view?.hues.has(feature) ? hue(/** @type {number} */ (view.hues.get(feature)), theme.name()) : null);
    const entries = known.map((line) => ({
      feature: line.feature, label: label(line.feature), value: measured(line), share: Math.abs(measured(line)) / top, color: color(line.feature),
      isSelected: get("mode") !== "strongest" && selected.has(line.feature),
      detail: () => `peak ${number(line.peak)} on ${quotedToken(/** @type {any} */ (heat).tokens[line.position], 30)}, ${plural(line.count, "token")}`,
    }));
    const here = new Set(known.map((line) => line.feature));
    for (const { feature, label: words } of elsewhere) {
      if (!here.has(feature)) entries.push({ feature, label: words, value: 0, share: 0, color: color(feature), isSelected: selected.has(feature), detail: () => "does not fire here" });
    }
    counted.textContent = query ? `${plural(entries.length, "match", "matches")}` : `${plural(lines.length, "feature")} here`;
    list.set(entries, query ? "No feature found." : "Nothing fires on this text.");
  }

  /** @param {number} i @returns {{ feature: number, value: number }[]} */
  function firing(i) {
    if (!heat || !view) return [];
    const found = heat;
    if (view.mode === "strongest") return strongest(found, i, get("top_k"));
    const shown = view.shown.map((feature) => ({ feature, value: column(found, feature)[i] }));
    const others = strongest(found, i, get("top_k")).filter((entry) => !shown.some((one) => one.feature === entry.feature));
    return [...shown, ...others].slice(0, Math.max(shown.length, get("top_k")));
  }

  /** @param {number} i */
  function sentence(i) {
    if (!heat) return "";
    const [best] = firing(i);
    return `${spokenToken(heat.tokens[i])}, position ${i}, ${best ? `feature ${name(best.feature)}, ${number(best.value)}` : "no feature"}`;
  }

  function drawDetail() {
    const pinned = pinnedToken();
    const i = pinned ?? hovered ?? focused;
    if (!heat || i === null || i >= heat.n) return fill(detail, h("p", { class: "sw-muted sw-small" }, "Hover a token or walk with the arrow keys to see what fires on it; a click pins it."));
    const id = heat.tokenIds.length ? ` · id ${heat.tokenIds[i]}` : "";
    fill(detail,
      h("div", { class: "sw-th-where sw-row" }, h("b", { class: "sw-token" }, quotedToken(heat.tokens[i], 80)), h("span", { class: "sw-muted" }, `position ${i}${id}`), h("span", { class: "sw-grow" }),
        pinned !== null && h("button", { class: "sw-btn sw-plain", onclick: () => pin(null) }, "Unpin")),
      h("div", { class: "sw-th-firing" }, firing(i).slice(0, 16).map((entry) =>
        h("button", { class: "sw-btn sw-th-fire", title: `Show feature ${name(entry.feature)}`, onclick: () => show(entry.feature) }, words(entry.feature, entry.value)))));
  }

  /** @param {number | null} i */
  function showTip(i) {
    tip.hidden = i === null || !heat;
    if (i === null || !heat) return;
    fill(tip,
      h("div", { class: "sw-row" }, h("b", { class: "sw-token" }, quotedToken(heat.tokens[i])), h("span", { class: "sw-muted" }, `position ${i}`)),
      firing(i).slice(0, 5).map((entry) => h("div", { class: "sw-th-tiprow" }, words(entry.feature, entry.value))));
    const place = tokens.place(i);
    const room = stage.clientWidth - tip.offsetWidth - 4;
    tip.style.left = `${Math.max(4, Math.min(room, place.x))}px`;
    const below = place.y + place.height + 8;
    tip.style.top = `${below + tip.offsetHeight > stage.clientHeight + 40 && place.y > tip.offsetHeight ? place.y - tip.offsetHeight - 6 : below}px`;
  }

  // -- acting --------------------------------------------------------------------------------------------------------

  const pinnedToken = () => (heat && get("pinned") !== null && get("pinned") < heat.n ? get("pinned") : null);

  /** @param {number | null} i */
  function pin(i) {
    set({ pinned: i });
    live.textContent = i === null ? "Unpinned" : `Pinned. ${sentence(i)}`;
  }

  /** @param {string} mode */
  function setMode(mode) {
    const [best] = get("features").length ? get("features") : [lines[0]?.feature];
    set(mode === "strongest" || best === undefined || get("features").length ? { mode } : { mode, features: [best] });
    modes.querySelector(`[data-mode="${mode}"]`)?.focus();
  }

  /** @param {number} feature */
  function toggled(feature) {
    const now = get("features");
    return { features: now.includes(feature) ? now.filter((/** @type {number} */ f) => f !== feature) : [...now, feature] };
  }

  /** @param {number} direction */
  function jump(direction) {
    if (!stops.length) return;
    const at = tokens.active();
    const next = direction > 0 ? stops.find((i) => i > at) ?? stops[0] : stops.findLast((i) => i < at) ?? stops[stops.length - 1];
    tokens.go(next);
  }

  function jumpToMax() {
    if (!view || !heat) return;
    const skip = get("dim_bos") ? heat.special : [];
    const most = largest(view.values, skip);
    const at = view.values.findIndex((value, i) => !skip[i] && Math.abs(value) === most);
    if (at >= 0) tokens.go(at);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key === "n") jump(1);
    else if (event.key === "p") jump(-1);
    else if (event.key === "m") jumpToMax();
    else if (event.key === "/") find.focus();
    else if (event.key === "Escape" && pinnedToken() !== null) pin(null);
    else return false;
    return true;
  }

  /** @param {string} text */
  function searchFor(text) {
    query = text.trim();
    elsewhere = [];
    list.toTop();
    drawList();
    if (query) askElsewhere();
  }

  const askElsewhere = debounce(async () => {
    if (offline || !get("has_model") || !query) return;
    const asked = query;
    try {
      const { value } = await ask("search", { query: asked, limit: 50 });
      if (asked !== query) return;
      elsewhere = value;
      drawList();
    } catch (error) {
      if (!isCancelled(error)) counted.textContent = `The search failed: ${/** @type {Error} */ (error).message}`;
    }
  }, 120);

  /** @param {KeyboardEvent} event */
  function onSearchKey(event) {
    if (event.key === "ArrowDown") list.focus();
    else if (event.key === "Escape" && find.value) searchFor((find.value = ""));
    else return;
    event.preventDefault();
  }

  modes.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const shift = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (shift === undefined) return;
    const at = MODES.findIndex(([mode]) => mode === get("mode"));
    setMode(MODES[(at + shift + MODES.length) % MODES.length][0]);
    event.preventDefault();
  });

  const narrow = new ResizeObserver(() => body.classList.toggle("sw-th-narrow", el.clientWidth < 640));
  narrow.observe(el);
  theme.onChange(() => {
    tokens.restyle();
    drawColours();
  });
  const unlisten = [
    listen(model, ["payload"], takeData),
    listen(model, ["columns"], () => {
      if (!heat) return;
      addColumns(heat, get("columns"));
      drawColours();
    }),
    listen(model, ["mode", "show_spaces", "show_newlines", "dim_bos", "sort", "has_model"], drawAll),
    listen(model, ["features", "scale", "top_k"], drawColours),
    listen(model, ["pinned"], () => {
      const i = pinnedToken();
      tokens.setPinned(i);
      if (i !== null) tokens.go(i, true);
      drawDetail();
    }),
  ];
  takeData();
  return () => {
    for (const stop of unlisten) stop();
    prompt.stop();
    askElsewhere.cancel();
    narrow.disconnect();
    tokens.stop();
    list.stop();
  };
}

/** The page's ground as a colour to mix with, when it is an opaque one. @param {HTMLElement} root @returns {import("../lib/color.js").Rgb | null} */
function groundOf(root) {
  const card = root.querySelector(".sw-tc");
  const parts = card && getComputedStyle(card).backgroundColor.match(/^rgb\((\d+), (\d+), (\d+)\)$/);
  return parts ? [Number(parts[1]), Number(parts[2]), Number(parts[3])] : null;
}

export const css = `${TOKEN_CANVAS_CSS}${FEATURE_LIST_CSS}
.sw-view > .sw-textarea { margin-bottom: 8px; }
.sw-th-toggle { min-width: 30px; justify-content: center; }
.sw-th-jumps { gap: 2px; }
.sw-th-legend { min-height: 30px; margin: 6px 0 4px; gap: 2px 6px; }
.sw-th-legend .sw-row { gap: 6px; }
.sw-th-chip { padding: 0 6px; min-height: 24px; max-width: 240px; color: var(--sw-fg); font-size: 12px; }
.sw-th-chip > span { display: flex; gap: 5px; min-width: 0; }
.sw-th-ramp { display: inline-block; width: 140px; height: 10px; border-radius: 3px; border: 1px solid var(--sw-line); }
.sw-th-body { display: flex; gap: 10px; align-items: stretch; }
.sw-th-main { flex: 1 1 0; min-width: 0; display: flex; flex-direction: column; }
.sw-th-stage { position: relative; }
.sw-th-side { flex: 0 0 270px; display: flex; flex-direction: column; min-height: 270px; overflow: hidden; }
.sw-th-narrow { flex-direction: column; }
.sw-th-narrow .sw-th-side { flex: 0 0 240px; }
.sw-th-find { padding: 8px; display: flex; flex-direction: column; gap: 6px; border-bottom: 1px solid var(--sw-line); }
.sw-th-find .sw-input { width: 100%; }
.sw-th-find .sw-select { font-size: 12px; min-height: 24px; padding-block: 1px; }
.sw-th-detail { margin-top: 8px; min-height: 62px; }
.sw-th-where { min-height: 28px; }
.sw-th-firing { display: flex; flex-wrap: wrap; gap: 4px; }
.sw-th-fire { font-size: 12px; min-height: 24px; padding: 0 8px; max-width: 260px; }
.sw-th-tiprow { display: grid; grid-template-columns: auto 1fr auto; gap: 8px; min-width: 150px; }
`;
