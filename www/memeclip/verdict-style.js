/** The style sheet of `meme-verdict`. Colours are the page's own unless its variables say otherwise. */
export const css = `
:host {
  display: inline-block;
  max-inline-size: 100%;
  color: var(--meme-verdict-ink, CanvasText);
  background: var(--meme-verdict-paper, Canvas);
  font: var(--meme-verdict-font, 1rem/1.4 system-ui, sans-serif);
}
:host([hidden]), [hidden] { display: none; }
::slotted(img), ::slotted(picture), img { display: block; max-inline-size: 100%; block-size: auto; }
section { padding: var(--meme-verdict-space, 0.75rem); }
p, ul { margin: 0; padding: 0; }
.question { font-weight: 600; }
li { display: grid; grid-template-columns: 1fr auto; list-style: none; }
progress, meter { inline-size: 100%; }
meter { grid-column: 1 / -1; }
.tasks { display: grid; gap: var(--meme-verdict-space, 0.75rem); grid-template-columns: repeat(auto-fit, minmax(min(12rem, 100%), 1fr)); }
.share { font-variant-numeric: tabular-nums; }
.best { font-weight: 600; }
.heard { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`;
