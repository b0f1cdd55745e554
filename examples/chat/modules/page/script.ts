/**
 * What the chat page does in the browser: one WebSocket, the room it is in, and the lines it shows.
 *
 * Invariants:
 *  1. What people typed reaches the page only as `textContent`, so nobody can inject markup.
 *  2. The page holds no truth: after every (re)connect the server says who you are, which room you are
 *     in, its members and its history, and the page shows just that.
 *  3. The text is plain browser JavaScript without back-ticks, so that it can stand in a template.
 */
export const javascript: string = String.raw`
const $ = (id) => document.getElementById(id);
const RETRY_MS = { first: 250, max: 5000 };
const GROUP_MS = 3 * 60 * 1000;

let socket;
let attempt = 0;
let room = decodeURIComponent(location.hash.slice(1));
let name = recall('chat.name') || '';
let last; // the group that the next line of the same author joins
let lostAt = 0;

// Storage may be forbidden (a private window): the chat works without it.
function recall(key) { try { return localStorage.getItem(key); } catch { return null; } }
function remember(key, value) { try { localStorage.setItem(key, value); } catch { return; } }

function element(tag, attributes, ...children) {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

function avatar(who) {
  let hue = 0;
  for (const char of who) hue = (hue * 31 + char.codePointAt(0) * 137) % 360; // 137: neighbours end far apart
  const words = who.trim().split(/[\s_.-]+/);
  const initials = words.length > 1 ? [...words[0]][0] + [...words[words.length - 1]][0] : [...who].slice(0, 2).join('');
  const node = element('span', { className: 'avatar', ariaHidden: 'true' }, initials.toUpperCase());
  node.style.setProperty('--hue', hue);
  return node;
}

function clock(at) {
  const date = new Date(at);
  return element('time', { dateTime: date.toISOString(), title: date.toLocaleString() },
    date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
}

// Lines. A reader who scrolled up stays where they are and is told that there is more.
const nearEnd = () => $('scroll').scrollHeight - $('scroll').scrollTop - $('scroll').clientHeight < 80;
function toEnd() { $('scroll').scrollTop = $('scroll').scrollHeight; $('newer').hidden = true; }
$('scroll').addEventListener('scroll', () => { if (nearEnd()) $('newer').hidden = true; }, { passive: true });
$('newer').addEventListener('click', toEnd);

function add(node) {
  const follow = nearEnd();
  node.classList.add('fresh');
  $('log').append(node);
  if (follow) toEnd(); else $('newer').hidden = false;
}

function showLine(line) {
  const mine = line.from === name;
  const text = element('p', { title: new Date(line.at).toLocaleString() }, line.text);
  if (last && last.from === line.from && line.at - last.at < GROUP_MS) {
    const follow = nearEnd();
    last.body.append(text);
    last.at = line.at;
    if (follow) toEnd(); else $('newer').hidden = false;
    return;
  }
  const body = element('div', {}, element('header', {}, element('b', {}, line.from), clock(line.at)), text);
  last = { from: line.from, at: line.at, body };
  add(element('article', { className: mine ? 'group mine' : 'group' }, avatar(line.from), body));
}

function note(text, kind) {
  last = undefined;
  add(element('div', { className: kind ? 'note ' + kind : 'note' }, element('span', {}, text), clock(Date.now())));
}

function showRooms(rooms) {
  $('rooms').replaceChildren(...rooms.map((each) => {
    const button = element('button', { className: 'room', type: 'button' },
      element('span', {}, each.name), element('i', { title: each.members + ' here' }, each.members || ''));
    if (each.name === room) button.ariaCurrent = 'true';
    button.addEventListener('click', () => { closeSide(); if (each.name !== room) tell({ type: 'join', room: each.name }); });
    return element('li', {}, button);
  }));
}

function showMembers(members) {
  $('count').textContent = members.length + (members.length === 1 ? ' person' : ' people');
  $('members').replaceChildren(...members.map((who) =>
    element('li', { className: 'member' }, avatar(who), element('span', {}, who),
      who === name ? element('small', {}, 'you') : '')));
}

function place(process) { return process.pid + ' on scheduler ' + process.scheduler; }

const on = {
  welcome(message) {
    name = message.name;
    remember('chat.name', name);
    $('my-name').textContent = name;
    $('my-process').textContent = message.process.pid + ' · scheduler ' + message.process.scheduler;
    $('my-avatar').replaceChildren(avatar(name));
    if (lostAt) note('Connected again after ' + ((Date.now() - lostAt) / 1000).toFixed(1) + ' s, by process ' + message.process.pid + '.');
    lostAt = 0;
  },
  joined(message) {
    const moved = room !== message.room || !$('greeting').textContent;
    room = message.room;
    history.replaceState(null, '', '#' + encodeURIComponent(room));
    document.title = '#' + room + ' · tsvm chat';
    $('room').textContent = room;
    $('process').textContent = 'room ' + place(message.process);
    $('greeting').textContent = message.greeting;
    $('text').placeholder = 'Message #' + room;
    // A room that was restarted has forgotten its history: what is on the page stays.
    if (moved || message.history.length > 0) {
      last = undefined;
      const notes = moved ? [] : [...$('log').children].filter((node) => node.classList.contains('note')).slice(-3);
      $('log').replaceChildren();
      message.history.forEach(showLine);
      $('log').append(...notes);
      for (const node of $('log').children) node.classList.remove('fresh');
      last = notes.length > 0 ? undefined : last;
      toEnd();
    } else note('Back in #' + room + ': room ' + place(message.process) + '.');
    for (const button of $('rooms').querySelectorAll('.room')) {
      button.ariaCurrent = button.querySelector('span').textContent === room ? 'true' : null;
    }
    showMembers(message.members);
  },
  line(message) { showLine(message.line); },
  presence(message) {
    showMembers(message.members);
    if (message.text) note(message.text);
  },
  greeting(message) {
    const shown = $('greeting');
    shown.textContent = message.text;
    shown.classList.remove('changed');
    requestAnimationFrame(() => shown.classList.add('changed'));
  },
  rooms(message) { showRooms(message.rooms); },
  notice(message) { note(message.text, message.text.includes('\n') ? 'help' : ''); },
  error(message) { note(message.text, 'alert'); },
};

// The connection: lost, it comes back by itself, a little later at each attempt.
function state(kind, text) { $('state').dataset.state = kind; $('state-text').textContent = text; $('send').disabled = kind !== 'live'; }

function connect() {
  const query = new URLSearchParams({ room, name });
  const url = new URL('ws?' + query, location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.hash = '';
  socket = new WebSocket(url);
  socket.onopen = () => { attempt = 0; state('live', 'Live'); };
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    on[message.type]?.(message); // a newer server may say things this page does not know
  };
  socket.onclose = (event) => {
    if (!lostAt) {
      lostAt = Date.now();
      note(event.reason ? 'Your connection ended: ' + event.reason : 'Your connection was lost.', 'alert');
    }
    state('waiting', 'Reconnecting');
    const wait = Math.min(RETRY_MS.max, RETRY_MS.first * 2 ** attempt++) * (0.75 + Math.random() / 2);
    setTimeout(connect, wait);
  };
}

function tell(message) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

$('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = $('text').value.trim();
  if (!text || socket.readyState !== WebSocket.OPEN) return;
  tell({ type: 'say', text });
  $('text').value = '';
  toEnd();
});
$('new-room').addEventListener('submit', (event) => {
  event.preventDefault();
  const wanted = $('new-room-name').value.trim();
  if (wanted) tell({ type: 'join', room: wanted });
  $('new-room-name').value = '';
  closeSide();
});
function write(text) { closeSide(); $('text').value = text; $('text').focus(); }
$('me').addEventListener('click', () => write('/nick '));
for (const button of document.querySelectorAll('.try button')) {
  button.addEventListener('click', () => write(button.textContent));
}

function closeSide() { $('app').classList.remove('side-open'); }
$('open-side').addEventListener('click', () => $('app').classList.add('side-open'));
$('shade').addEventListener('click', closeSide);
addEventListener('keydown', (event) => { if (event.key === 'Escape') closeSide(); });
addEventListener('hashchange', () => {
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (wanted && wanted !== room) tell({ type: 'join', room: wanted });
});

// Light or dark: the system's choice until the reader makes their own.
const dark = matchMedia('(prefers-color-scheme: dark)');
function theme() { document.documentElement.dataset.theme = recall('chat.theme') || (dark.matches ? 'dark' : 'light'); }
dark.addEventListener('change', theme);
$('theme').addEventListener('click', () => {
  remember('chat.theme', document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
  theme();
});
theme();
connect();
`;
