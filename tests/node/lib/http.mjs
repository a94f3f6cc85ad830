// The HTTP API as a program sees it: no redirects, no cookie jar, no retries.

import http from 'node:http';
import https from 'node:https';

import { SOON, within } from './wait.mjs';

/** One request. Gives `{status, headers, body (parsed JSON or text), cookie}`; `url` may be the private one; an `agent` of the server knows the way. */
export async function ask(server, method, path, { token, json, body, headers = {}, cookie, signal, url = server.url } = {}) {
  const all = { ...headers };
  if (token !== undefined) all.authorization = `Bearer ${token}`;
  if (cookie !== undefined) all.cookie = `refresh=${cookie}`;
  if (json !== undefined) all['content-type'] ??= 'application/json';
  const sent = json === undefined ? body : JSON.stringify(json);
  const answer = new Promise((resolve, reject) => {
    // node:http, not fetch: fetch lets nobody set Host, Origin or Cookie.
    const where = new URL(path, url);
    const { request: begin } = where.protocol === 'https:' ? https : http;
    const request = begin(where, { method, headers: all, agent: server.agent ?? false, signal }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(read(response, Buffer.concat(chunks))));
    });
    request.on('error', reject);
    request.end(sent);
  });
  return within(answer, SOON, `the answer to ${method} ${path}`);
}

function read(response, bytes) {
  const text = bytes.toString('utf8');
  const isJson = /json/.test(response.headers['content-type'] ?? '');
  return {
    status: response.statusCode,
    headers: response.headers,
    body: isJson && text ? JSON.parse(text) : text,
    ...refreshCookie(response.headers['set-cookie']),
  };
}

/** The value and the attributes of the `refresh` cookie, if one was set. */
function refreshCookie(lines = []) {
  const line = lines.find((line) => line.startsWith('refresh='));
  if (!line) return { cookie: undefined, cookieAttributes: undefined };
  const [pair, ...attributes] = line.split(';').map((part) => part.trim());
  return { cookie: pair.slice('refresh='.length), cookieAttributes: attributes };
}
