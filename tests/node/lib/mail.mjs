// Reads the mails that the server lays down in DATA/outbox, one .eml each (RFC 5322).

import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import { SOON, until } from './wait.mjs';

const outbox = (server) => path.join(server.data, 'outbox');

/** All mails to an address, oldest first. */
export async function mailsTo(server, address) {
  const names = await readdir(outbox(server)).catch(() => []);
  const mails = [];
  for (const name of names.filter((name) => name.endsWith('.eml'))) {
    const file = path.join(outbox(server), name);
    // Another test's mail may be tidied away between the list and the look.
    const text = await readFile(file, 'utf8').catch(() => '');
    const mail = parse(text);
    if (mail.to?.toLowerCase().includes(address.toLowerCase())) {
      mails.push({ ...mail, name, file, at: (await stat(file)).mtimeMs });
    }
  }
  return mails.sort((a, b) => a.at - b.at || a.name.localeCompare(b.name));
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
