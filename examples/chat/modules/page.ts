/**
 * The chat page, in one answer: markup, style and script, with headers that allow just these.
 *
 * It lives in modules rather than in files beside them, so that it is loaded, changed live and built like the
 * rest of the application: save one of the three and the next page view has it.
 */
import { createHash } from 'node:crypto';
import { TEXT_MAX } from './limits.js';
import { javascript } from './page/script.js';
import { css } from './page/style.js';

export type Page = {
  html: string;
  headers: Record<string, string>;
};

export function page(): Page {
  const policy = [
    "default-src 'none'",
    `script-src '${hash(javascript)}'`,
    `style-src '${hash(css)}'`,
    "style-src-attr 'unsafe-inline'",
    'img-src data:',
    "connect-src 'self' ws: wss:",
    "base-uri 'none'",
    "form-action 'none'",
  ];
  return {
    html: html(),
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': policy.join('; '),
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    },
  };
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** Two speech marks that meet: the sign of the chat, also in the browser's tab. */
const SIGN = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" aria-hidden="true"><path fill="#0f766e" d="M6 3h14a5 5 0 0 1 5 5v6a5 5 0 0 1-5 5h-7l-6 5v-5H6a5 5 0 0 1-5-5V8a5 5 0 0 1 5-5z"/><path fill="#5fc9b8" d="M27 10.500a4 4 0 0 1 4 4v6a4 4 0 0 1-4 4h-1v4.500l-5-4.500h-6a4 4 0 0 1-3.400-1.900l1.700-1.600H20a7 7 0 0 0 7-7z"/></svg>`;

const icon = (path: string): string =>
  `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="${path}"/></svg>`;

function html(): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<title>tsvm chat</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(SIGN)}">
<style>${css}</style>
</head>
<body>
<div id="app">
  <aside id="side" aria-label="Rooms and people">
    <div class="brand">${SIGN}<b>tsvm chat</b>
      <button id="theme" class="icon" type="button" title="Light or dark">${icon('M12 3v18M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18M12 8l7-1M12 12.500h9M12 17l7 .500')}</button>
    </div>
    <div class="lists">
      <h2>Rooms</h2>
      <ul id="rooms"></ul>
      <form id="new-room"><input id="new-room-name" autocomplete="off" maxlength="24" placeholder="Join or create a room" aria-label="Join or create a room"></form>
      <h2 id="count">People</h2>
      <ul id="members"></ul>
    </div>
    <button id="me" type="button" title="Change your name">
      <span id="my-avatar"></span>
      <div><b id="my-name"></b><span id="my-process" class="mono"></span></div>
    </button>
  </aside>
  <main id="main">
    <div class="top">
      <button id="open-side" class="icon" type="button" title="Rooms and people">${icon('M4 7h16M4 12h16M4 17h10')}</button>
      <div><h1 id="room">…</h1><span id="process" class="mono"></span></div>
      <div id="state" role="status" data-state="waiting"><span id="state-text">Connecting</span></div>
    </div>
    <p id="greeting"></p>
    <div id="scroll"><button id="earlier" type="button" hidden>Earlier messages</button><div id="log" role="log" aria-live="polite"></div><div id="unsaid"></div></div>
    <button id="newer" type="button" hidden>New messages</button>
    <form id="composer">
      <div class="box">
        <input id="text" autocomplete="off" autofocus maxlength="${TEXT_MAX}" placeholder="Message" aria-label="Message">
        <button id="send" type="submit" title="Send" disabled>${icon('M12 19V5M5.500 11.500 12 5l6.500 6.500')}</button>
      </div>
      <div class="try"><span>Break something, nobody else will notice:</span><button type="button">/crash</button><button type="button">/crash-room</button><button type="button">/help</button></div>
    </form>
  </main>
  <div id="shade"></div>
</div>
<script>${javascript}</script>
</body>
</html>
`;
}
