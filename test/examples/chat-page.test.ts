/**
 * The chat's page in a real browser, where Chromium is installed; where it is not, the page is read over
 * HTTP and its script is checked for syntax, and the test says so.
 */

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Script } from 'node:vm';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, nextEvent, startChat } from './support.js';

const CHROMIUM = findChromium();
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function findChromium(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const places = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return ['/usr/bin/chromium', ...places].find((place) => existsSync(place));
}

let chat: Chat;

beforeAll(async () => {
  chat = await startChat(2);
});
afterAll(() => chat.stop());

test('page: is whole, and allows nothing but its own script and style', async () => {
  const response = await fetch(chat.url);
  const html = await response.text();
  const policy = response.headers.get('content-security-policy') ?? '';
  const [, script = ''] = /<script>([\s\S]*?)<\/script>/.exec(html) ?? [];
  expect(() => new Script(script)).not.toThrow();
  expect(script).not.toContain('innerHTML');
  const hash = async (text: string): Promise<string> =>
    Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('base64');
  expect(policy).toContain(`script-src 'sha256-${await hash(script)}'`);
  const ids = [...script.matchAll(/\$\('([\w-]+)'\)/g)].map(([, id]) => id);
  for (const id of ids) expect(html).toContain(`id="${id}"`);
});

if (CHROMIUM === undefined) {
  test('page: no Chromium is installed here, so it was checked over HTTP alone', () => {
    expect(CHROMIUM).toBeUndefined();
  });
} else {
  describe('page in Chromium', () => inBrowser(CHROMIUM));
}

function inBrowser(executablePath: string): void {
  let folder: string;
  let context: BrowserContext;
  const problems: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tsvm-chromium-'));
    context = await chromium.launchPersistentContext(folder, { executablePath, args: FLAGS });
    context.setDefaultTimeout(10_000);
  });
  afterAll(async () => {
    await context?.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  async function open(room: string, name: string): Promise<Page> {
    const page = await context.newPage();
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (line) => {
      if (line.type() === 'error') problems.push(line.text());
    });
    // Tabs of one browser share what it remembers; each of ours is somebody else.
    const content = `localStorage.setItem('chat.name', ${JSON.stringify(name)})`;
    await page.addInitScript({ content });
    await page.goto(`${chat.url}#${room}`);
    await shows(page, '#state', 'Live');
    await shows(page, '#my-name', name);
    return page;
  }

  async function say(page: Page, text: string): Promise<void> {
    await page.fill('#text', text);
    await page.press('#text', 'Enter');
  }

  async function shows(page: Page, selector: string, text: string): Promise<void> {
    await page.locator(selector).filter({ hasText: text }).first().waitFor({ state: 'attached' });
  }

  test('chat: two people talk, and markup in a message is only text', async () => {
    const [ann, bob] = [await open('tea', 'Ann'), await open('tea', 'Bob')];
    await shows(ann, '.note', 'Bob joined.');
    await shows(ann, '#count', '2 people');
    await say(ann, '<img src=x onerror=alert(1)> & <b>hello</b>');
    await shows(bob, '.group p', '<img src=x onerror=alert(1)> & <b>hello</b>');
    expect(await bob.locator('.group img, .group b b').count()).toBe(0);
    expect(await bob.locator('.group header b').first().textContent()).toBe('Ann');
    await shows(ann, '#process', 'on scheduler 2');
    await shows(ann, '#my-process', 'scheduler 1');
    await shows(ann, '.room[aria-current]', 'tea');
    await bob.close();
    await shows(ann, '.note', 'Bob left.');
    await ann.close();
  });

  test('rooms: one made in the list is joined, and has its own messages', async () => {
    const page = await open('tea', 'Ann');
    await page.fill('#new-room-name', 'Coffee');
    await page.press('#new-room-name', 'Enter');
    await shows(page, '#room', 'coffee');
    await shows(page, '.room[aria-current]', 'coffee');
    expect(await page.locator('.group').count()).toBe(0);
    await page.locator('.room', { hasText: 'tea' }).click();
    await shows(page, '#room', 'tea');
    await shows(page, '.group p', 'hello');
    await page.close();
  });

  test('crash of the connection: the page comes back by itself, with what was said', async () => {
    const page = await open('crash', 'Ann');
    await say(page, 'before');
    await shows(page, '.group p', 'before');
    const process = await page.locator('#my-process').textContent();
    await say(page, '/crash');
    await shows(page, '.note', 'Connected again after');
    await shows(page, '#state', 'Live');
    expect(await page.locator('#my-process').textContent()).not.toBe(process);
    await say(page, 'after');
    await shows(page, '.group p', 'after');
    expect(await page.locator('.group p').allTextContents()).toEqual(['before', 'after']);
    await page.close();
  });

  test('crash of the room: the page says so, and the chat goes on', async () => {
    const page = await open('crash', 'Ann');
    const process = await page.locator('#process').textContent();
    await say(page, '/crash-room');
    await shows(page, '.note.alert', 'The room crashed (/crash-room by Ann)');
    await shows(page, '.note', 'Back in #crash');
    expect(await page.locator('#process').textContent()).not.toBe(process);
    await say(page, 'and on');
    await shows(page, '.group p', 'and on');
    await page.close();
  });

  test('history: the newest 100 messages, and the ones before them when asked', async () => {
    const talker = await chat.connect({ name: 'Talker', room: 'long' });
    for (let number = 1; number <= 105; number++) talker.say(`message ${number}`);
    await talker.takeLine('message 105');
    const page = await open('long', 'Ann');
    await shows(page, '.group p', 'message 105');
    expect(await page.locator('.group p').count()).toBe(100);
    await page.click('#earlier');
    await page.locator('#earlier').waitFor({ state: 'hidden' });
    const texts = await page.locator('.group p').allTextContents();
    expect(texts).toEqual(Array.from({ length: 105 }, (_, at) => `message ${at + 1}`));
    await page.close();
  });

  test('a message on its way when the connection is lost: said again, once', async () => {
    const page = await open('lost', 'Ann');
    await say(page, 'first');
    await shows(page, '.group p', 'first');
    await page.evaluate('socket.send = () => {}');
    await say(page, 'second');
    await shows(page, '#unsaid p', 'second');
    await page.evaluate('socket.close()');
    await shows(page, '.group p', 'second');
    await page.locator('#unsaid p').waitFor({ state: 'detached' });
    expect(await page.locator('.group p').allTextContents()).toEqual(['first', 'second']);
    await page.close();
  });

  test('hot change: a new greeting appears without a reload', async () => {
    const page = await open('tea', 'Ann');
    await shows(page, '#greeting', 'Welcome to #tea');
    const loaded = nextEvent(chat.vm, 'load');
    await chat.copy.edit('room', { 'Welcome to #': 'Good evening in #' });
    await loaded;
    await shows(page, '#greeting', 'Good evening in #tea');
    await shows(page, '#state', 'Live');
    expect(await page.locator('.note.alert').count()).toBe(0);
    await page.close();
  });

  test('look: fits a phone without sideways scrolling, and turns dark and light', async () => {
    const page = await open('tea', 'Ann');
    await page.setViewportSize({ width: 390, height: 780 });
    const width = await page.evaluate('document.documentElement.scrollWidth');
    expect(width).toBeLessThanOrEqual(390);
    await page.click('#open-side');
    await page.locator('#rooms .room').first().waitFor({ state: 'visible' });
    const scheme = (): Promise<unknown> => page.evaluate('document.documentElement.dataset.theme');
    const before = await scheme();
    await page.click('#theme');
    expect([before, await scheme()].sort()).toEqual(['dark', 'light']);
    await page.close();
  });

  test('browser: nothing was reported as an error', () => {
    // A connection that is refused while the chat reconnects is the browser's own line, not the page's.
    expect(problems.filter((text) => !text.includes('WebSocket connection'))).toEqual([]);
  });
}
