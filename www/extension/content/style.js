/** The style sheet of the notices. Behind their shadow root neither the page's styles nor theme.css apply. */
export const STYLE = `
  :host { all: initial; }
  .box { position: absolute; inset: 0 auto auto 0; container-type: size; pointer-events: none; color-scheme: light dark;
    font: 14px/1.4 system-ui, sans-serif; color: light-dark(#201d1a, #ece7de); text-align: start; }
  .box[hidden] { display: none; }
  .box, .box * { box-sizing: border-box; }
  p, ul { margin: 0; padding: 0; list-style: none; }
  .cover { position: absolute; inset: 0; display: grid; place-content: safe center; justify-items: center; gap: 8px; padding: 12px;
    overflow: auto; text-align: center; pointer-events: auto; background: light-dark(#e9e4da, #262420); }
  .border { position: absolute; inset: 0; border: 4px solid #a3321f; }
  .title { font-weight: 650; }
  .cover .title { font-size: 17px; }
  .reasons { color: light-dark(#574f46, #bdb5a8); }
  .buttons { display: flex; flex-wrap: wrap; justify-content: inherit; gap: 6px; }
  .cover .buttons { justify-content: center; }
  button { font: inherit; color: inherit; padding: 5px 12px; border: 1px solid light-dark(#8d8577, #7d766a); border-radius: 8px;
    background: light-dark(#fffdf9, #1f1d1a); cursor: pointer; }
  button:hover { border-color: currentColor; }
  .main { border-color: transparent; color: light-dark(#fff, #10282c); background: light-dark(#1d5a63, #8fcbd2); }
  :focus-visible { outline: 3px solid light-dark(#1d5a63, #8fcbd2); outline-offset: 2px; }
  .label { position: absolute; inset: 8px auto auto 8px; max-inline-size: max(240px, 100% - 16px); pointer-events: auto;
    border-radius: 8px; background: light-dark(#fffdf9, #1f1d1a); box-shadow: 0 1px 5px #0006; }
  .label summary { padding: 4px 10px; border-radius: 8px; cursor: pointer; font-weight: 650; }
  .label.warning summary { color: light-dark(#8f2614, #f2a797); }
  .label .more { display: grid; gap: 8px; padding: 4px 10px 10px; }
  @container (max-width: 260px) or (max-height: 210px) {
    .cover { gap: 6px; padding: 4px; }
    .cover .title { font-size: 14px; }
    .cover .reasons, .cover .rare { display: none; }
  }
`;
