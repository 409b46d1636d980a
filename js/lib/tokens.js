// @ts-check
// Model text on the screen: nothing hides, nothing reorders its neighbours, spaces and newlines can be shown.

// The same set as `_clean.py`: controls except newline and tab, bidi marks, zero-width characters, separators, tags.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;

/** @param {string} found */
function picture(found) {
  const code = /** @type {number} */ (found.codePointAt(0));
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
}

/**
 * Text with hidden and reordering characters made visible: NUL as its control picture, a bidi override by its number.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(HIDDEN, picture);
}

/**
 * A token as it stands in running text.
 * @param {string} text
 * @param {{ spaces?: boolean, newlines?: boolean, limit?: number }} [options] `limit` in characters, then an ellipsis
 */
export function tokenText(text, { spaces = false, newlines = false, limit = 200 } = {}) {
  let shown = visible(shorten(text, limit));
  if (spaces) shown = shown.replace(/ /g, "\u00b7").replace(/\u00a0/g, "\u237d");
  shown = shown.replace(/\t/g, spaces ? "\u2192 " : "  ");
  return shown.replace(/\n/g, newlines ? "\u21b5" : " ");
}

/**
 * A token named in a sentence or a list: quoted, with marks, so that " the" and "the" look different.
 * @param {string} text
 * @param {number} [limit]
 */
export function quotedToken(text, limit = 60) {
  return `\u201c${tokenText(text, { spaces: true, newlines: true, limit })}\u201d`;
}

/**
 * At most `limit` characters, never half of a surrogate pair, and how many are left out.
 * @param {string} text
 * @param {number} limit
 */
export function shorten(text, limit) {
  if (text.length <= limit) return text;
  const cut = /[\ud800-\udbff]/.test(text[limit - 1]) ? limit - 1 : limit;
  return `${text.slice(0, cut)}\u2026`;
}

/**
 * A token for a screen reader, where marks would be silent.
 * @param {string} text
 */
export function spokenToken(text) {
  if (text === "") return "empty";
  const named = visible(shorten(text, 80))
    .replace(/\n/g, " newline ")
    .replace(/\t/g, " tab ")
    .replace(/^ +(?=\S)/, "")
    .replace(/^ +$/, (run) => (run.length === 1 ? "space" : `${run.length} spaces`));
  return named.trim() || "space";
}
