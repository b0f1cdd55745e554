/**
 * The web: answers one HTTP request, in a process of its own. Should that crash, the client gets a 500 and
 * the listener does not notice.
 */
import type { ServerResponse } from 'node:http';
import { type Port, schedulers, takeOver, whereis } from 'tsvm';
import { page } from './page.js';
import * as rooms from './rooms.js';

export function answer(port: Port<ServerResponse>, method: string, url: string): void {
  const response = takeOver(port, conclude);
  const path = url.split('?')[0];
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    sendText(response, 405, 'This address can only be read: GET or HEAD.\n');
  } else if (path === '/') {
    const { html, headers } = page();
    response.writeHead(200, headers).end(html);
  } else if (path === '/health') {
    const status = whereis(rooms.NAME) === undefined ? 'starting' : 'ok';
    sendJson(response, { status, schedulers: schedulers() });
  } else {
    sendText(response, 404, 'There is nothing here. The chat is at /\n');
  }
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(value)}\n`);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

/** The process has ended, one way or the other: no client waits for ever. */
function conclude(response: ServerResponse): void {
  if (!response.headersSent)
    response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
  if (!response.writableEnded) response.end('The process that answered this request crashed.\n');
}
