/**
 * What the chat page does in the browser: one WebSocket, the room it is in, and the lines it shows.
 *
 * Invariants:
 *  1. What people typed reaches the page only as `textContent`, so nobody can inject markup.
 *  2. The page holds no truth: after every (re)connect the server says who you are, which room you are
 *     in, its members and its history, and the page shows just that. What you said and the server has
 *     not said to have kept is sent again, under the same id, until it has.
 *  3. The text is plain browser JavaScript without back-ticks, so that it can stand in a template.
 */
export const javascript: string = String.raw`
const $ = (id) => document.getElementById(id);
const RETRY_MS = { first: 250, max: 5000 };
const GROUP_MS = 3 * 60 * 1000;
const RESEND_MS = 5000;

let socket;
let attempt = 0;
let room = decodeURIComponent(location.hash.slice(1));
let name = recall('chat.name') || '';
let last; // the group that the next line of the same author joins
let lostAt = 0;
let roomProcess; // of the room that is shown
let first = 1; // the id of the oldest line that is shown

// What was said and is not known to be kept: by id, in the order in which it was said.
const unsaid = new Map();
const tab = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
let messages = 0;

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

function paragraph(line) { return element('p', { title: new Date(line.at).toLocaleString() }, line.text); }
function joins(group, line) { return group && group.from === line.from && line.at - group.at < GROUP_MS; }

// A group is what one author said without a long pause.
function groupOf(line) {
  const body = element('div', {}, element('header', {}, element('b', {}, line.from), clock(line.at)), paragraph(line));
  const node = element('article', { className: line.from === name ? 'group mine' : 'group' }, avatar(line.from), body);
  return { from: line.from, at: line.at, body, node };
}

function showLine(line) {
  if (joins(last, line)) {
    const follow = nearEnd();
    last.body.append(paragraph(line));
    last.at = line.at;
    if (follow) toEnd(); else $('newer').hidden = false;
    return;
  }
  last = groupOf(line);
  add(last.node);
}

// Lines before those that are shown; the reader stays with what they read.
function showEarlier(lines) {
  const groups = [];
  for (const line of lines) {
    const group = groups[groups.length - 1];
    if (!joins(group, line)) groups.push(groupOf(line));
    else { group.body.append(paragraph(line)); group.at = line.at; }
  }
  const height = $('scroll').scrollHeight;
  $('log').prepend(...groups.map((group) => group.node));
  oldest(lines);
  $('scroll').scrollTop += $('scroll').scrollHeight - height;
}

function oldest(lines) {
  first = lines.length > 0 ? lines[0].id : 1;
  $('earlier').hidden = first === 1;
}

// What is under way, below the lines: seen when it takes long.
function showUnsaid() {
  const here = [...unsaid.values()].filter((each) => each.room === room);
  const follow = nearEnd();
  $('unsaid').replaceChildren(...here.map((each) => element('p', {}, each.text)));
  if (follow) toEnd();
}

function resend(where) {
  for (const [id, each] of unsaid) {
    if (each.room !== room || !where(each)) continue;
    each.sentAt = Date.now();
    tell({ type: 'say', text: each.text, id });
  }
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
    last = undefined;
    const notes = moved ? [] : [...$('log').children].filter((node) => node.classList.contains('note')).slice(-3);
    $('log').replaceChildren();
    message.history.forEach(showLine);
    oldest(message.history);
    $('log').append(...notes);
    for (const node of $('log').children) node.classList.remove('fresh');
    last = notes.length > 0 ? undefined : last;
    if (!moved && roomProcess !== message.process.pid) note('Back in #' + room + ': room ' + place(message.process) + '.');
    roomProcess = message.process.pid;
    showUnsaid();
    toEnd();
    resend(() => true);
    for (const button of $('rooms').querySelectorAll('.room')) {
      button.ariaCurrent = button.querySelector('span').textContent === room ? 'true' : null;
    }
    showMembers(message.members);
  },
  line(message) { showLine(message.line); },
  said(message) { unsaid.delete(message.id); showUnsaid(); },
  earlier(message) { showEarlier(message.lines); },
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
  error(message) {
    if (message.id) { unsaid.delete(message.id); showUnsaid(); }
    note(message.text, 'alert');
  },
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
  if (text.startsWith('/')) tell({ type: 'say', text });
  else {
    const id = tab + '-' + ++messages;
    unsaid.set(id, { room, text, sentAt: Date.now() });
    tell({ type: 'say', text, id });
    showUnsaid();
  }
  $('text').value = '';
  toEnd();
});
setInterval(() => resend((each) => Date.now() - each.sentAt > RESEND_MS), RESEND_MS);
$('earlier').addEventListener('click', () => tell({ type: 'earlier', before: first }));
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
