// @ts-check
// The one stylesheet. Hosts' variables first (JupyterLab, VS Code, Colab), then our own pair of palettes: a host that
// sets none (marimo) still gets light text on its dark page, because `data-theme` is read from the page itself.

export const THEME_CSS = `
:host { display: block; }
.sw-root {
  --sw-own-fg: #1c2128; --sw-own-bg: #ffffff; --sw-own-line: #d1d9e0;
  --sw-muted: #57606a; --sw-raised: #f4f6f8; --sw-hover: #e8ecf0; --sw-accent: #0b62c4; --sw-accent-ink: #ffffff;
  --sw-good: #1a7f4b; --sw-bad: #c4320a; --sw-bad-bg: #fff1ec; --sw-warn-bg: #fff6dd; --sw-shadow: 0 4px 16px rgb(20 30 45 / .16);
  --sw-fg: var(--jp-ui-font-color1, var(--vscode-foreground, var(--colab-primary-text-color, var(--sw-own-fg))));
  --sw-bg: var(--jp-layout-color0, var(--vscode-editor-background, var(--colab-primary-surface-color, var(--sw-own-bg))));
  --sw-line: var(--jp-border-color2, var(--vscode-panel-border, var(--colab-border-color, var(--sw-own-line))));
  --sw-font: var(--jp-ui-font-family, var(--vscode-font-family, system-ui, -apple-system, "Segoe UI", sans-serif));
  --sw-mono: var(--jp-code-font-family, var(--vscode-editor-font-family, ui-monospace, "DejaVu Sans Mono", monospace));
  --sw-radius: 6px;
  color-scheme: light;
  box-sizing: border-box; position: relative; color: var(--sw-fg); font: 13px/1.45 var(--sw-font); text-align: start;
  letter-spacing: normal; font-variant-numeric: tabular-nums; padding: 2px; -webkit-font-smoothing: antialiased;
}
.sw-root[data-theme="dark"] {
  --sw-own-fg: #e6e9ed; --sw-own-bg: #111316; --sw-own-line: #3a424c;
  --sw-muted: #a3adb8; --sw-raised: #1e2227; --sw-hover: #2b3138; --sw-accent: #6cb0ff; --sw-accent-ink: #0b1520;
  --sw-good: #4cc38a; --sw-bad: #ff9570; --sw-bad-bg: #3a1f16; --sw-warn-bg: #3a3115; --sw-shadow: 0 4px 20px rgb(0 0 0 / .55);
  color-scheme: dark;
}
.sw-root *, .sw-root *::before, .sw-root *::after { box-sizing: border-box; }
.sw-root [hidden] { display: none !important; }
.sw-root p { margin: 0; }
.sw-root :focus { outline: none; }
.sw-root :focus-visible { outline: 2px solid var(--sw-accent); outline-offset: 1px; border-radius: 4px; }
.sw-row { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 8px; }
.sw-grow { flex: 1 1 0; min-width: 0; }
.sw-muted { color: var(--sw-muted); }
.sw-small { font-size: 12px; }
.sw-mono { font-family: var(--sw-mono); }
.sw-num { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
.sw-ellipsis { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
.sw-token { white-space: pre-wrap; unicode-bidi: isolate; overflow-wrap: anywhere; }
.sw-card { border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-bg); }
.sw-label { font-size: 11px; font-weight: 600; letter-spacing: .04em; text-transform: uppercase; color: var(--sw-muted); }
.sw-hidden-text { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.sw-btn, .sw-input, .sw-select, .sw-textarea {
  font: inherit; color: inherit; background: var(--sw-bg); border: 1px solid var(--sw-line); border-radius: var(--sw-radius);
  padding: 3px 10px; min-height: 28px; margin: 0;
}
.sw-btn { cursor: pointer; display: inline-flex; align-items: center; gap: 6px; white-space: nowrap; user-select: none; }
.sw-btn:hover:not(:disabled) { background: var(--sw-hover); }
.sw-btn:disabled, .sw-input:disabled, .sw-select:disabled, .sw-textarea:disabled { opacity: .5; cursor: not-allowed; }
.sw-btn[aria-pressed="true"], .sw-btn[aria-checked="true"], .sw-btn[aria-selected="true"] { background: var(--sw-hover); border-color: var(--sw-muted); font-weight: 600; }
.sw-btn.sw-primary { background: var(--sw-accent); border-color: transparent; color: var(--sw-accent-ink); font-weight: 600; }
.sw-btn.sw-primary:hover:not(:disabled) { filter: brightness(1.08); }
.sw-btn.sw-icon { padding: 3px 6px; min-width: 28px; justify-content: center; }
.sw-btn.sw-plain { background: none; border-color: transparent; color: var(--sw-muted); }
.sw-btn.sw-plain:hover:not(:disabled) { color: var(--sw-fg); background: var(--sw-hover); }
.sw-input, .sw-textarea { cursor: text; }
.sw-input::placeholder, .sw-textarea::placeholder { color: var(--sw-muted); opacity: 1; }
.sw-textarea { display: block; width: 100%; resize: vertical; line-height: 1.5; padding: 6px 10px; field-sizing: content; min-height: 54px; max-height: 170px; }
.sw-select { padding-right: 4px; cursor: pointer; }
.sw-seg { display: inline-flex; flex-wrap: wrap; max-width: 100%; border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-raised); padding: 1px; }
.sw-seg .sw-btn { border-color: transparent; background: none; min-height: 24px; padding: 1px 10px; border-radius: 5px; color: var(--sw-muted); }
.sw-seg .sw-btn[aria-checked="true"], .sw-seg .sw-btn[aria-pressed="true"] { background: var(--sw-bg); color: var(--sw-fg); border-color: var(--sw-line); font-weight: 600; }
.sw-check { display: inline-flex; align-items: center; gap: 5px; cursor: pointer; user-select: none; }
.sw-check input { margin: 0; accent-color: var(--sw-accent); }
.sw-range { accent-color: var(--sw-accent); min-width: 80px; }
.sw-swatch { display: inline-block; flex: none; width: 12px; height: 12px; border-radius: 3px; border: 1px solid rgb(128 128 128 / .45); }
.sw-table { border-collapse: collapse; font: inherit; width: 100%; }
.sw-table th { text-align: start; font-size: 11px; font-weight: 600; color: var(--sw-muted); }
.sw-table th, .sw-table td { padding: 2px 8px 2px 0; border: 0; background: none; }
.sw-tip { position: absolute; z-index: 10; pointer-events: none; max-width: 340px; padding: 6px 10px; border: 1px solid var(--sw-line);
  border-radius: var(--sw-radius); background: var(--sw-bg); box-shadow: var(--sw-shadow); font-size: 12px; }
.sw-foot { display: flex; align-items: center; gap: 10px; min-height: 20px; margin-top: 6px; font-size: 12px; color: var(--sw-muted); }
.sw-foot-line { display: flex; align-items: center; gap: 10px; margin-top: 6px; }
.sw-foot-line .sw-foot { margin: 0; }
.sw-tool { flex: none; min-height: 22px; padding: 0 8px; font-size: 12px; }
.sw-code { margin: 8px 0 0; padding: 8px 10px; border-radius: var(--sw-radius); background: var(--sw-raised); font-size: 12px; overflow: auto; max-height: 260px; }
.sw-progress { flex: none; width: 120px; height: 4px; border-radius: 2px; background: var(--sw-hover); overflow: hidden; }
.sw-progress > i { display: block; height: 100%; background: var(--sw-accent); border-radius: 2px; }
.sw-dot { flex: none; width: 8px; height: 8px; border-radius: 50%; background: var(--sw-accent); animation: sw-pulse 1.1s ease-in-out infinite; }
@keyframes sw-pulse { 50% { opacity: .25; } }
.sw-notice { margin-top: 8px; padding: 6px 10px; border-radius: var(--sw-radius); background: var(--sw-warn-bg); font-size: 12px; }
.sw-error { margin-top: 8px; padding: 8px 12px; border-radius: var(--sw-radius); background: var(--sw-bad-bg); border-inline-start: 3px solid var(--sw-bad); }
.sw-error pre { margin: 8px 0 0; max-height: 240px; overflow: auto; font: 12px/1.45 var(--sw-mono); white-space: pre-wrap; overflow-wrap: anywhere; }
.sw-error summary { cursor: pointer; color: var(--sw-muted); font-size: 12px; margin-top: 4px; }
@media (prefers-reduced-motion: reduce) {
  .sw-root *, .sw-root *::before, .sw-root *::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; }
}
@media (forced-colors: active) { .sw-btn[aria-pressed="true"], .sw-btn[aria-checked="true"] { outline: 2px solid Highlight; } }
`;
