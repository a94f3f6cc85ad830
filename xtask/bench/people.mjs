// People of the measured server, signed in as a person would: the code comes from the mail in the outbox.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** How many sign in at once. */
const AT_ONCE = 8;
const MAIL_MS = 10_000;

async function call(url, method, path, body, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 200)}`);
  return text && JSON.parse(text);
}

/** The codes mailed so far, by address; each mail is read once. */
function outbox(folder) {
  const read = new Set();
  const codes = new Map();
  return async (address) => {
    const end = performance.now() + MAIL_MS;
    while (!codes.has(address)) {
      const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.eml') && !read.has(name));
      for (const name of names) {
        if (read.has(name)) continue;
        read.add(name);
        const mail = await readFile(join(folder, name), 'utf8');
        const to = /^To:.*?([^\s<>,]+@[^\s<>,]+)/im.exec(mail)?.[1];
        const code = /^(\d{6})\r?$/m.exec(mail)?.[1];
        if (to && code) codes.set(to, code);
      }
      if (performance.now() > end) throw new Error('no mail with a code came');
      await new Promise((done) => setTimeout(done, 5));
    }
    const code = codes.get(address);
    codes.delete(address);
    return code;
  };
}

/** So many new people, adults all: `{token, user}` each. */
export async function signIn(url, data, count) {
  const code = outbox(join(data, 'outbox'));
  const people = [];
  let next = 0;
  const one = async () => {
    while (next < count) {
      const email = `bench-${next++}@visavis.example`;
      const { challengeId } = await call(url, 'POST', '/api/auth/login', { email });
      const body = { challengeId, code: await code(email) };
      const { accessToken: token, user } = await call(url, 'POST', '/api/auth/verify', body);
      await call(url, 'PUT', '/api/users/me/age', { adult: true }, token);
      people.push({ token, user });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return people;
}
