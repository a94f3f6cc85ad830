// Reads the mails that the server lays down in DATA/outbox, one .eml each (RFC 5322).

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { SOON, until } from './wait.mjs';

const outbox = (server) => path.join(server.data, 'outbox');

/** A mail never changes once it has its name, so each is read once: server's folder → file name → mail. */
const read = new Map();

/** All mails to an address, oldest first (their names begin with the time). */
export async function mailsTo(server, address) {
  const folder = outbox(server);
  const known = read.get(folder) ?? new Map();
  read.set(folder, known);
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.eml')).sort();
  const mails = [];
  for (const name of names) {
    if (!known.has(name)) {
      // It may be tidied away between the list and the look.
      const text = await readFile(path.join(folder, name), 'utf8').catch(() => null);
      if (text !== null) known.set(name, parse(text));
    }
    const mail = known.get(name);
    if (mail?.to?.toLowerCase().includes(address.toLowerCase())) mails.push(mail);
  }
  return mails;
}

/** The newest mail to an address, as soon as there are more than `before` of them. */
export async function newestMail(server, address, before = 0) {
  const mails = await until(
    async () => {
      const mails = await mailsTo(server, address);
      return mails.length > before && mails;
    },
    SOON,
    `mail number ${before + 1} for ${address}`,
  );
  return mails.at(-1);
}

/** Head and text part of a mail, with the code and the link that each stand alone on a line. */
function parse(text) {
  const [head, ...rest] = text.split(/\r?\n\r?\n/);
  const headers = new Map(
    head
      .replace(/\r?\n[ \t]+/g, ' ')
      .split(/\r?\n/)
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const body = textPart(headers, rest.join('\n\n'));
  const lines = body.split(/\r?\n/).map((line) => line.trim());
  return {
    headers,
    to: headers.get('to'),
    subject: headers.get('subject'),
    raw: text,
    body,
    codes: lines.filter((line) => /^\d{6}$/.test(line)),
    links: lines.filter((line) => /^https?:\/\/\S+$/.test(line)),
    get code() {
      return this.codes[0];
    },
    get link() {
      return this.links[0];
    },
    get linkToken() {
      return new URLSearchParams(new URL(this.link).hash.slice(1)).get('token');
    },
  };
}

function textPart(headers, body) {
  const boundary = /boundary="?([^";]+)"?/i.exec(headers.get('content-type') ?? '')?.[1];
  if (!boundary) return body;
  const part = body.split(`--${boundary}`).find((part) => /content-type:\s*text\/plain/i.test(part)) ?? '';
  return part.slice(part.search(/\r?\n\r?\n/)).trim();
}
