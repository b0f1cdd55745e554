/**
 * The look of the chat page. A module like any other: save it, and the next page view has it.
 *
 * Two colour schemes from one set of names: the system's choice, or the reader's own through
 * `data-theme` on the root element.
 */
export const css: string = `
:root {
  color-scheme: light;
  --paper: #faf9f6; --panel: #f1efe9; --card: #ffffff; --line: #e3dfd5;
  --ink: #22241f; --soft: #63665c; --faint: #75776a;
  --accent: #0f766e; --accent-ink: #ffffff; --accent-wash: #e1efec;
  --warn: #9a3412; --warn-wash: #fbeadf;
  --avatar-l: 42%; --avatar-s: 45%;
  --shadow: 0 1px 2px rgb(40 38 30 / 6%), 0 8px 24px rgb(40 38 30 / 6%);
  --mono: ui-monospace, 'SF Mono', 'Cascadia Code', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
}
:root[data-theme='dark'] {
  color-scheme: dark;
  --paper: #16181a; --panel: #1c1f21; --card: #23272a; --line: #2f3437;
  --ink: #e8e6df; --soft: #a5a89f; --faint: #8b8e86;
  --accent: #5fc9b8; --accent-ink: #0c211e; --accent-wash: #1d3330;
  --warn: #f3a779; --warn-wash: #38271e;
  --avatar-l: 40%; --avatar-s: 38%;
  --shadow: 0 1px 2px rgb(0 0 0 / 30%), 0 8px 24px rgb(0 0 0 / 25%);
}

* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body {
  background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif;
  -webkit-font-smoothing: antialiased;
}
button, input { font: inherit; color: inherit; }
button { background: none; border: 0; padding: 0; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
h1, h2, p, ul, ol { margin: 0; padding: 0; }
ul, ol { list-style: none; }
.mono { font-family: var(--mono); font-size: 11.5px; letter-spacing: -.01em; color: var(--faint); }

#app { display: grid; grid-template-columns: 284px minmax(0, 1fr); height: 100dvh; }

/* The side: rooms, people, who you are. */
#side {
  display: flex; flex-direction: column; min-height: 0;
  background: var(--panel); border-right: 1px solid var(--line);
}
.brand { display: flex; align-items: center; gap: 10px; height: 64px; padding: 0 18px; flex: none; }
.brand svg { width: 26px; height: 26px; flex: none; }
.brand b { font-size: 16px; font-weight: 650; letter-spacing: -.01em; }
.brand button { margin-left: auto; }
.icon {
  display: grid; place-items: center; width: 34px; height: 34px; border-radius: 9px; color: var(--soft);
}
.icon:hover { background: var(--line); color: var(--ink); }
.icon svg { width: 18px; height: 18px; }

.lists { flex: 1; min-height: 0; overflow-y: auto; padding: 6px 10px 16px; scrollbar-width: thin; }
.lists h2 {
  padding: 16px 8px 6px; color: var(--faint);
  font-size: 12px; font-weight: 600; letter-spacing: .02em;
}
.lists h2:first-child { padding-top: 6px; }
.room {
  display: flex; align-items: center; gap: 8px; width: 100%; padding: 6px 10px 6px 8px;
  border-radius: 8px; text-align: left;
}
.room::before { content: '#'; color: var(--faint); font-weight: 500; }
.room span { flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.room i { font-style: normal; font-size: 12px; color: var(--faint); font-variant-numeric: tabular-nums; }
.room:hover { background: var(--line); }
.room[aria-current] { background: var(--accent-wash); color: var(--accent); font-weight: 600; }
.room[aria-current]::before, .room[aria-current] i { color: inherit; }
#new-room input {
  width: 100%; margin-top: 4px; padding: 6px 8px; border: 1px dashed var(--line); border-radius: 8px;
  background: transparent; font-size: 14px;
}
#new-room input::placeholder, #composer input::placeholder { color: var(--faint); opacity: 1; }
#new-room input:focus { border: 1px solid var(--accent); outline: 0; background: var(--card); }

.member { display: flex; align-items: center; gap: 9px; padding: 4px 8px; }
.member span { padding-left: 2px; margin-left: -2px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.member small { color: var(--faint); font-size: 12px; }
.avatar {
  display: grid; place-items: center; flex: none; width: 34px; height: 34px; border-radius: 11px;
  background: hsl(var(--hue) var(--avatar-s) var(--avatar-l)); color: #fff; font-size: 12.5px; font-weight: 650;
  letter-spacing: .01em; user-select: none;
}
.member .avatar { margin: 0; padding: 0; width: 24px; height: 24px; border-radius: 8px; font-size: 10px; }

#me {
  display: flex; align-items: center; gap: 10px; flex: none; width: 100%; padding: 12px 18px;
  border-top: 1px solid var(--line); text-align: left;
}
#me:hover { background: var(--line); }
#me div { min-width: 0; line-height: 1.35; }
#me .mono { display: block; font-size: 10.5px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#me b { display: block; padding-left: 2px; margin-left: -2px; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }

/* The room: who runs it, what was said, what you say. */
#main { display: flex; flex-direction: column; min-width: 0; min-height: 0; position: relative; }
.top {
  display: flex; align-items: center; gap: 12px; flex: none; height: 64px; padding: 0 24px;
  border-bottom: 1px solid var(--line);
}
.top > div { min-width: 0; flex: 1; }
.top h1 {
  font-size: 17px; font-weight: 650; letter-spacing: -.01em; line-height: 1.3;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
.top h1::before { content: '#'; margin-right: 3px; color: var(--faint); font-weight: 500; }
.top .mono { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#open-side { display: none; margin-left: -8px; }
#state {
  display: flex; align-items: center; gap: 7px; flex: none; color: var(--soft);
  font-size: 13px; font-variant-numeric: tabular-nums;
}
#state::before { content: ''; width: 8px; height: 8px; border-radius: 50%; background: var(--faint); }
#state[data-state='live']::before { background: #22a06b; box-shadow: 0 0 0 3px rgb(34 160 107 / 18%); }
#state[data-state='waiting'] { color: var(--warn); }
#state[data-state='waiting']::before { background: var(--warn); animation: pulse 1s ease-in-out infinite; }
@keyframes pulse { 50% { opacity: .25; } }

#scroll { flex: 1; min-height: 0; overflow-y: auto; overflow-anchor: none; overscroll-behavior: contain; scrollbar-width: thin; }
#log {
  display: flex; flex-direction: column; justify-content: flex-end; min-height: 100%;
  max-width: 820px; margin: 0 auto; padding: 28px 24px 12px;
}
#greeting { flex: none; padding: 9px 24px; background: var(--accent-wash); font-size: 14px; text-wrap: pretty; }
#greeting:empty { display: none; }
#greeting.changed { animation: change 1.6s ease-out; }
@keyframes change { from { background: var(--accent); color: var(--accent-ink); } }
.group { display: grid; grid-template-columns: 34px minmax(0, 1fr); gap: 0 12px; margin-bottom: 16px; }
.group .avatar { grid-row: span 99; margin-top: 2px; }
.group header { display: flex; align-items: baseline; gap: 8px; }
.group header b { margin-left: -2px; padding-left: 2px; font-weight: 650; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.group time { flex: none; color: var(--faint); font-size: 12px; font-variant-numeric: tabular-nums; }
.group p { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1px 0; }
.group.mine header b { color: var(--accent); }
.note {
  display: flex; align-items: baseline; gap: 8px; margin: 0 0 14px 46px;
  color: var(--soft); font-size: 13.5px; overflow-wrap: anywhere; white-space: pre-wrap;
}
.note time { margin-left: auto; flex: none; font-size: 12px; color: var(--faint); font-variant-numeric: tabular-nums; }
.note.alert { margin-left: 0; padding: 9px 14px; border-radius: 11px; background: var(--warn-wash); color: var(--warn); }
.note.alert time { color: inherit; }
.note.help { font-family: var(--mono); font-size: 12.5px; line-height: 1.75; }
.fresh { animation: arrive .22s ease-out; }
@keyframes arrive { from { opacity: 0; transform: translateY(6px); } }
#earlier { display: block; margin: 16px auto 0; color: var(--accent); font-size: 13px; font-weight: 600; }
#earlier[hidden] { display: none; }
#unsaid { max-width: 820px; margin: 0 auto; padding: 0 24px 0 70px; color: var(--faint); }
#unsaid p { white-space: pre-wrap; overflow-wrap: anywhere; opacity: 0; animation: wait .2s ease-out .4s forwards; }
@keyframes wait { to { opacity: 1; } }
#newer {
  position: absolute; left: 50%; bottom: 108px; transform: translateX(-50%); padding: 6px 14px;
  border-radius: 99px; background: var(--accent); color: var(--accent-ink); font-size: 13px; font-weight: 600;
  box-shadow: var(--shadow);
}
#newer[hidden] { display: none; }

#composer { flex: none; width: 100%; max-width: 820px; margin: 0 auto; padding: 8px 24px max(14px, env(safe-area-inset-bottom)); }
.box {
  display: flex; align-items: center; gap: 8px; padding: 5px 5px 5px 16px;
  border: 1px solid var(--line); border-radius: 15px; background: var(--card); box-shadow: var(--shadow);
}
.box:focus-within { border-color: var(--accent); }
.box input { flex: 1; min-width: 0; padding: 7px 0; border: 0; outline: 0; background: none; font-size: 16px; }
.box button {
  display: grid; place-items: center; width: 38px; height: 38px; border-radius: 11px;
  background: var(--accent); color: var(--accent-ink);
}
.box button:disabled { background: var(--panel); color: var(--faint); cursor: default; }
.box svg { width: 18px; height: 18px; }
.try { display: flex; flex-wrap: wrap; gap: 2px 14px; padding: 9px 4px 0 16px; color: var(--faint); font-size: 12.5px; }
.try button { font-family: var(--mono); font-size: 12px; color: var(--soft); }
.try button:hover { color: var(--accent); text-decoration: underline; text-underline-offset: 3px; }
#shade { display: none; }

@media (max-width: 720px) {
  #app { grid-template-columns: minmax(0, 1fr); }
  #open-side { display: grid; }
  #side {
    position: fixed; inset: 0 auto 0 0; z-index: 3; width: min(300px, 84vw); visibility: hidden;
    transform: translateX(-100%); transition: transform .2s ease, visibility .2s;
  }
  #app.side-open #side { transform: none; visibility: visible; box-shadow: var(--shadow); }
  #shade { position: fixed; inset: 0; z-index: 2; background: rgb(0 0 0 / 40%); }
  #app.side-open #shade { display: block; }
  .top { height: 58px; padding: 0 14px; gap: 6px; }
  #greeting { padding: 8px 14px; }
  #log { padding: 18px 14px 8px; }
  #composer { padding: 6px 12px max(10px, env(safe-area-inset-bottom)); }
  .try { padding-left: 6px; gap: 2px 12px; }
  .try span { display: none; }
  .note { margin-left: 0; }
  #state span { display: none; }
}
@media (prefers-reduced-motion: reduce) {
  * { animation-duration: 0s !important; transition: none !important; }
}
`;
