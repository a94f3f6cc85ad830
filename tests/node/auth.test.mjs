// Signing in, staying signed in, signing out: over HTTP and as it reaches open sockets.

import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { ask } from './lib/http.mjs';
import { mailsTo } from './lib/mail.mjs';
import { newAddress, Page, pairUp, people, requestCode, signIn } from './lib/person.mjs';
import { startServer } from './lib/server.mjs';
import { SOON, until } from './lib/wait.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

const post = (path, json, more = {}) => ask(server, 'POST', path, { json, ...more });
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('the mail', () => {
  test('is one mail whose text part is 7-bit, with the code and the link each alone on a line', async () => {
    const email = newAddress();
    const { challenge, mail } = await requestCode(server, email);
    assert.equal((await mailsTo(server, email)).length, 1);
    assert.deepEqual(mail.codes.length, 1);
    assert.equal(mail.links.length, 1);
    assert.ok(mail.link.startsWith(`${server.url}/login/magic#token=`), mail.link);
    assert.ok([...mail.body].every((char) => char.charCodeAt(0) < 128), 'text part is 7-bit');
    assert.ok(!/=\r?\n/.test(mail.body), 'not quoted-printable');
    assert.match(challenge.challengeId, /^chl_/);
    const life = Date.parse(challenge.expiresAt) - Date.now();
    assert.ok(life > 4 * 60_000 && life <= 5 * 60_000 + 1_000, `${life} ms`);
    assert.ok(Date.parse(challenge.resendAt) > Date.now() - 1_000);
  });

  test('the answer is the same for known and unknown addresses', async () => {
    const person = await signIn(server);
    const known = await post('/api/auth/login', { email: person.email });
    const unknown = await post('/api/auth/login', { email: newAddress() });
    assert.equal(known.status, unknown.status);
    assert.deepEqual(Object.keys(known.body).sort(), Object.keys(unknown.body).sort());
  });

  test('a second request within half a minute sends no second mail, and is answered the same', async (t) => {
    const usual = await startServer({ settings: { 'auth.otp.resend_after_s': undefined }, test: t });
    const email = newAddress();
    const login = () => ask(usual, 'POST', '/api/auth/login', { json: { email } });
    const [first, second] = [await login(), await login()];
    assert.deepEqual([first.status, second.status], [202, 202]);
    const delay = Date.parse(first.body.resendAt) - Date.now();
    assert.ok(delay > 25_000 && delay <= 30_500, `${delay} ms`);
    // Behind it another address' mail, so that there was time for the second one.
    await requestCode(usual, newAddress());
    const [mail, ...more] = await mailsTo(usual, email);
    assert.deepEqual(more, []);
    const codes = await Promise.all([first, second].map(({ body }) =>
      ask(usual, 'POST', '/api/auth/verify', { json: { challengeId: body.challengeId, code: mail.code } }),
    ));
    assert.equal(codes[0].status, 200, 'the first challenge is the mail’s');
  });

  test('at most five mails an hour go to an address, and nobody is told which it was', async () => {
    const email = newAddress();
    const answers = [];
    for (let i = 0; i < 7; i += 1) answers.push(await post('/api/auth/login', { email }));
    await until(async () => (await mailsTo(server, email)).length >= 1, SOON, 'a mail');
    await requestCode(server, newAddress());
    const mails = await mailsTo(server, email);
    assert.ok(mails.length <= 5, `${mails.length} mails`);
    assert.ok(answers.every(({ status }) => [202, 429].includes(status)), answers.map(({ status }) => status).join());
    for (const { status, headers } of answers) if (status === 429) assert.ok(Number(headers['retry-after']) > 0);
  });

  test('a newline or a second address in the e-mail is refused and mails nobody', async () => {
    for (const email of ['a@b.example\r\nBcc: c@d.example', 'a@b.example, c@d.example', '', 'nobody', `${'x'.repeat(400)}@b.example`, 'a@b', 7, null, ['a@b.example'], { a: 1 }]) {
      const answer = await post('/api/auth/login', { email });
      assert.equal(answer.status, 400, JSON.stringify({ email, answer: answer.body }));
      assert.equal(answer.body.code, 'bad-request');
    }
    assert.deepEqual(await mailsTo(server, 'c@d.example'), []);
  });
});

describe('the code', () => {
  test('signs in once: a second use is challenge-expired', async () => {
    const email = newAddress();
    const { challenge, mail } = await requestCode(server, email);
    const json = { challengeId: challenge.challengeId, code: mail.code };
    const first = await post('/api/auth/verify', json);
    assert.equal(first.status, 200);
    assert.equal(first.body.newUser, true);
    assert.equal(first.body.user.role, 'user');
    assert.equal(first.body.user.ageDeclared, false);
    assert.equal(first.body.user.reputation, 70);
    for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/api/auth', 'Max-Age=2592000']) {
      assert.ok(first.cookieAttributes.includes(part), first.cookieAttributes.join('; '));
    }
    assert.ok(!first.cookieAttributes.includes('Secure'), 'public_url is http here');
    assert.ok(!JSON.stringify(first.body).includes(first.cookie), 'the refresh token is never in a body');
    const second = await post('/api/auth/verify', json);
    assert.equal(second.body.code, 'challenge-expired');
    const again = await signIn(server, { email });
    assert.equal(again.newUser, false);
    assert.equal(again.id, first.body.user.id);
  });

  test('sets a cookie by which the browser is known again, and believes none where two claim to be it', async () => {
    const devices = async (cookie) => {
      const email = newAddress();
      const { challenge, mail } = await requestCode(server, email);
      const answer = await ask(server, 'POST', '/api/auth/verify', { json: { challengeId: challenge.challengeId, code: mail.code }, headers: cookie ? { cookie } : {} });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return answer.headers['set-cookie'].filter((line) => /device=/.test(line));
    };
    const [line, ...more] = await devices();
    assert.deepEqual(more, []);
    assert.match(line, /^device=[\w-]{22}; HttpOnly; SameSite=Lax; Path=\/; Max-Age=31536000$/, 'public_url is http here');
    const [mine] = line.split(';');
    assert.deepEqual(await devices(mine), [], 'whoever has one keeps it');
    const [planted] = (await devices())[0].split(';');
    assert.deepEqual(await devices(`${planted}; ${mine}`), [], 'nothing is set over two');
    const refresh = await ask(server, 'POST', '/api/auth/refresh', { headers: { cookie: 'refresh=planted; refresh=mine' } });
    assert.equal(refresh.status, 401, 'of two nobody is signed in');
  });

  test('may be tried five times; then even the right one is refused', async () => {
    const { challenge, mail } = await requestCode(server, newAddress());
    const tryCode = (code) => post('/api/auth/verify', { challengeId: challenge.challengeId, code });
    const wrong = String((Number(mail.code) + 1) % 1_000_000).padStart(6, '0');
    for (let i = 0; i < 4; i += 1) assert.equal((await tryCode(wrong)).body.code, 'invalid-code');
    const fifth = await tryCode(wrong);
    assert.ok(['invalid-code', 'too-many-tries', 'challenge-expired'].includes(fifth.body.code), fifth.body.code);
    const right = await tryCode(mail.code);
    assert.ok(['too-many-tries', 'challenge-expired'].includes(right.body.code), JSON.stringify(right.body));
  });

  test('five guesses at once are counted as five', async () => {
    const { challenge, mail } = await requestCode(server, newAddress());
    const wrong = (i) => String((Number(mail.code) + i) % 1_000_000).padStart(6, '0');
    const guesses = Array.from({ length: 30 }, (_, i) =>
      post('/api/auth/verify', { challengeId: challenge.challengeId, code: wrong(i + 1) }),
    );
    const codes = (await Promise.all(guesses)).map(({ body }) => body.code);
    assert.ok(codes.filter((code) => code === 'invalid-code').length <= 5, codes.join());
    const right = await post('/api/auth/verify', { challengeId: challenge.challengeId, code: mail.code });
    assert.notEqual(right.status, 200);
  });

  test('a new challenge doesn’t kill another; of one address at most three live', async () => {
    const email = newAddress();
    const challenges = [];
    for (let i = 0; i < 3; i += 1) challenges.push(await requestCode(server, email));
    const [first] = challenges;
    const verified = await post('/api/auth/verify', { challengeId: first.challenge.challengeId, code: first.mail.code });
    assert.equal(verified.status, 200);
  });

  test('unknown and malformed challenges are answered alike', async () => {
    for (const challengeId of ['chl_00000000000000000000000000', 'nonsense', '']) {
      const answer = await post('/api/auth/verify', { challengeId, code: '123456' });
      assert.equal(answer.body.code, 'challenge-expired', JSON.stringify(answer.body));
    }
  });
});

describe('the link', () => {
  test('a look consumes nothing and shows only a masked address; the button signs in, once', async () => {
    const email = newAddress('linda');
    const { mail } = await requestCode(server, email);
    for (let i = 0; i < 3; i += 1) {
      const peek = await post('/api/auth/magic/peek', { token: mail.linkToken });
      assert.equal(peek.status, 200, JSON.stringify(peek.body));
      assert.equal(peek.body.email, 'l…@example.test');
    }
    const page = await ask(server, 'GET', '/login/magic');
    assert.equal(page.status, 200);
    const signed = await post('/api/auth/magic', { token: mail.linkToken });
    assert.equal(signed.status, 200);
    assert.ok(signed.cookie && signed.body.accessToken);
    const again = await post('/api/auth/magic', { token: mail.linkToken });
    assert.equal(again.body.code, 'challenge-expired', JSON.stringify(again.body));
    assert.notEqual((await post('/api/auth/magic/peek', { token: mail.linkToken })).status, 200);
  });

  test('the code can’t be used after the link', async () => {
    const { challenge, mail } = await requestCode(server, newAddress());
    assert.equal((await post('/api/auth/magic', { token: mail.linkToken })).status, 200);
    const code = await post('/api/auth/verify', { challengeId: challenge.challengeId, code: mail.code });
    assert.equal(code.body.code, 'challenge-expired');
  });

  test('after 20 failures a day the code is refused for that address, the link still works', async () => {
    const email = newAddress();
    const first = await signIn(server, { email });
    let failures = 0;
    let last;
    for (let round = 0; round < 4; round += 1) {
      last = await requestCode(server, email);
      const wrong = String((Number(last.mail.code) + 1) % 1_000_000).padStart(6, '0');
      for (let i = 0; i < 5; i += 1) {
        const answer = await post('/api/auth/verify', { challengeId: last.challenge.challengeId, code: wrong });
        assert.equal(answer.body.code, 'invalid-code');
        failures += 1;
      }
      // Only three challenges live at once: the link, which wrong codes don't harm, uses this one up.
      if (round < 3) assert.equal((await post('/api/auth/magic', { token: last.mail.linkToken })).status, 200);
    }
    assert.equal(failures, 20);
    const refused = await post('/api/auth/verify', { challengeId: last.challenge.challengeId, code: last.mail.code });
    assert.ok(['too-many-tries', 'challenge-expired'].includes(refused.body.code), JSON.stringify(refused.body));
    const link = await post('/api/auth/magic', { token: last.mail.linkToken });
    assert.equal(link.status, 200, JSON.stringify(link.body));
    assert.equal((await first.ask('GET', '/api/users/me')).status, 200, 'no session is touched');
  });
});

describe('tokens', () => {
  test('the access token is an Ed25519 JWT that the published keys verify', async () => {
    const person = await signIn(server);
    const [head, claims, signature] = person.token.split('.');
    const header = decode(head);
    assert.deepEqual(Object.keys(header).sort(), ['alg', 'kid', 'typ']);
    assert.deepEqual([header.alg, header.typ], ['EdDSA', 'at+jwt']);
    const body = decode(claims);
    assert.deepEqual(Object.keys(body).sort(), ['aud', 'exp', 'iat', 'iss', 'jti', 'role', 'sid', 'sub']);
    assert.deepEqual([body.iss, body.aud, body.sub, body.role], [server.url, server.url, person.id, 'user']);
    assert.ok(body.exp - body.iat <= 15 * 60);
    const jwks = await ask(server, 'GET', '/.well-known/jwks.json');
    const jwk = jwks.body.keys.find(({ kid }) => kid === header.kid);
    assert.deepEqual([jwk.kty, jwk.crv], ['OKP', 'Ed25519']);
    assert.equal(jwk.d, undefined, 'never the private part');
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    assert.ok(verify(null, Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url')));
  });

  test('no bad token is taken, over HTTP or at a socket', async (t) => {
    const person = await signIn(server, { test: t });
    const now = Math.floor(Date.now() / 1_000);
    const [head, body, signature] = person.token.split('.');
    const header = decode(head);
    const claims = decode(body);
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const forge = (h, c, key = privateKey) => {
      const text = `${encode(h)}.${encode(c)}`;
      return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
    };
    const jwk = publicKey.export({ format: 'jwk' });
    const tampered = (changes) => `${head}.${encode({ ...claims, ...changes })}.${signature}`;
    const flipped = Buffer.from(signature, 'base64url');
    flipped[0] ^= 1;
    const bad = {
      missing: undefined,
      empty: '',
      garbage: 'garbage',
      'two parts': `${head}.${body}`,
      'four parts': `${person.token}.x`,
      'no signature': `${head}.${body}.`,
      'flipped signature': `${head}.${body}.${flipped.toString('base64url')}`,
      'alg none': `${encode({ ...header, alg: 'none' })}.${body}.`,
      'alg HS256': `${encode({ ...header, alg: 'HS256' })}.${body}.${signature}`,
      'another key': forge(header, claims),
      'own key in the header': forge({ ...header, jwk }, claims),
      'own kid': forge({ ...header, kid: 'mine' }, claims),
      'jku': forge({ ...header, jku: 'http://127.0.0.1:1/' }, claims),
      'another subject': tampered({ sub: 'usr_00000000000000000000000000' }),
      admin: tampered({ role: 'admin' }),
      'longer life': tampered({ exp: now + 10 ** 6 }),
      'exp as text': tampered({ exp: String(now + 600) }),
      padded: `${head}=.${body}.${signature}`,
      space: ` ${person.token}`,
      'very long': 'a'.repeat(20_000),
    };
    for (const [name, token] of Object.entries(bad)) {
      if (name !== 'space') {
        const answer = await ask(server, 'GET', '/api/users/me', { token });
        // A header that long may already be refused by the HTTP layer.
        assert.ok([401, 431].includes(answer.status), `${name}: ${answer.status}`);
        if (answer.status === 401) assert.equal(answer.body.code, 'unauthorized', name);
      }
      const page = new Page(person, { token });
      t.after(() => page.close());
      assert.equal((await page.event('connect_error')).message, 'unauthorized', name);
      page.close();
    }
    assert.equal((await person.ask('GET', '/api/users/me')).status, 200, 'the true one is');
  });

  test('a token of another place is not taken here', async (t) => {
    const elsewhere = await startServer({ test: t });
    const stranger = await signIn(elsewhere, { test: t });
    assert.equal((await ask(server, 'GET', '/api/users/me', { token: stranger.token })).status, 401);
    const page = new Page(stranger, { url: server.url });
    t.after(() => page.close());
    assert.equal((await page.event('connect_error')).message, 'unauthorized');
  });

  test('an access token ends: then it is refused over HTTP and at a socket, and an open socket lives on', async (t) => {
    const brief = await startServer({ settings: { 'auth.access_ttl_s': 2 }, test: t });
    const person = await signIn(brief, { test: t });
    const page = await person.open();
    const { exp } = decode(person.token.split('.')[1]);
    // A few seconds of leeway between clocks are allowed.
    await until(async () => (await person.ask('GET', '/api/users/me')).status === 401, 20_000, 'the end of the token');
    assert.ok(Date.now() / 1_000 >= exp - 1);
    const late = new Page(person);
    t.after(() => late.close());
    assert.equal((await late.event('connect_error')).message, 'unauthorized');
    await page.do('find-match', {});
    assert.equal((await person.refresh()).status, 200);
    assert.equal((await person.ask('GET', '/api/users/me')).status, 200);
  });

  test('without auth at all a socket is refused as unauthorized', async (t) => {
    const { io } = await import('socket.io-client');
    const socket = io(server.url, { transports: ['websocket'], forceNew: true, reconnection: false });
    t.after(() => socket.disconnect());
    const error = await new Promise((resolve) => socket.once('connect_error', resolve));
    assert.equal(error.message, 'unauthorized');
  });

  test('polling is not a way in', async () => {
    const answer = await ask(server, 'GET', '/socket.io/?EIO=4&transport=polling');
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`);
  });
});

describe('refresh', () => {
  test('rotates the cookie and gives a new access token', async () => {
    const person = await signIn(server);
    const [token, cookie] = [person.token, person.cookie];
    const answer = await person.refresh();
    assert.equal(answer.status, 200);
    assert.notEqual(answer.cookie, cookie);
    assert.notEqual(answer.body.accessToken, token);
    assert.equal(answer.body.user.id, person.id);
    assert.equal((await person.ask('GET', '/api/users/me')).status, 200);
    assert.equal((await ask(server, 'GET', '/api/users/me', { token })).status, 200, 'the old access token lives on');
  });

  test('racing tabs converge: the predecessor gets the same successor', async () => {
    const person = await signIn(server);
    const { cookie } = person;
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => ask(server, 'POST', '/api/auth/refresh', { cookie })),
    );
    assert.deepEqual(answers.map(({ status }) => status), Array(8).fill(200));
    assert.equal(new Set(answers.map((answer) => answer.cookie)).size, 1, 'one successor');
    const next = await ask(server, 'POST', '/api/auth/refresh', { cookie: answers[0].cookie });
    assert.equal(next.status, 200, 'and it is the living one');
  });

  test('an older token revokes the family, its sockets are cut, its access token is refused', async (t) => {
    const person = await signIn(server, { test: t });
    const page = await person.open();
    const oldest = person.cookie;
    await person.refresh();
    await person.refresh();
    const replay = await ask(server, 'POST', '/api/auth/refresh', { cookie: oldest });
    assert.equal(replay.status, 401);
    assert.equal(replay.body.code, 'unauthorized');
    await page.event('disconnect', undefined, 5_000);
    await until(async () => (await person.ask('GET', '/api/users/me')).status === 401, 5_000, 'the token refused');
    assert.equal((await person.refresh()).status, 401);
    page.socket.connect();
    assert.equal((await page.event('connect_error')).message, 'unauthorized');
  });

  test('without a cookie, with an unknown one or a huge one it is unauthorized', async () => {
    for (const cookie of [undefined, 'unknown', 'x'.repeat(5_000), '%00%ff', '../../etc']) {
      const answer = await ask(server, 'POST', '/api/auth/refresh', { cookie });
      assert.equal(answer.status, 401, `${cookie?.slice(0, 20)}`);
      assert.equal(answer.body.code, 'unauthorized');
    }
  });

  test('a foreign page can’t use the cookie: 403, and nothing is rotated', async () => {
    const person = await signIn(server);
    for (const origin of ['https://evil.example', 'null', `${server.url}.evil.example`, 'http://127.0.0.1:1']) {
      const answer = await ask(server, 'POST', '/api/auth/refresh', { cookie: person.cookie, headers: { origin } });
      assert.equal(answer.status, 403, origin);
      assert.equal(answer.body.code, 'forbidden');
      assert.equal(answer.cookie, undefined);
    }
    const own = await ask(server, 'POST', '/api/auth/refresh', { cookie: person.cookie, headers: { origin: server.url } });
    assert.equal(own.status, 200);
  });
});

describe('sessions', () => {
  test('are listed with the asking one marked; another device is ended and its sockets are cut', async (t) => {
    const email = newAddress();
    const phone = await signIn(server, { email, test: t });
    const desk = await signIn(server, { email, test: t });
    const [onPhone, onDesk] = [await phone.open(), await desk.open()];
    const list = (await desk.ask('GET', '/api/auth/sessions')).body.sessions;
    assert.equal(list.length, 2);
    assert.equal(list.filter(({ current }) => current).length, 1);
    const other = list.find(({ current }) => !current);
    assert.match(other.id, /^ses_/);
    const ended = await desk.ask('DELETE', `/api/auth/sessions/${other.id}`);
    assert.equal(ended.status, 204);
    await onPhone.event('disconnect', undefined, 5_000);
    assert.equal((await phone.ask('GET', '/api/users/me')).status, 401);
    assert.equal((await phone.refresh()).status, 401);
    assert.ok(onDesk.socket.connected);
    assert.equal((await desk.ask('GET', '/api/users/me')).status, 200);
    assert.equal((await desk.ask('GET', '/api/auth/sessions')).body.sessions.length, 1);
  });

  test('somebody else’s session can’t be ended', async () => {
    const [a, b] = await people(server, 2);
    const [theirs] = (await b.ask('GET', '/api/auth/sessions')).body.sessions;
    const answer = await a.ask('DELETE', `/api/auth/sessions/${theirs.id}`);
    assert.equal(answer.status, 404);
    assert.equal((await b.ask('GET', '/api/users/me')).status, 200);
  });

  test('logout takes the cookie back, cuts the sockets within five seconds, and ends the call', async (t) => {
    const [a, b] = await people(server, 2, { test: t });
    const [one, two] = [await a.open(), await b.open()];
    const [{ roomId }] = await pairUp(one, two);
    await one.do('join-room', { roomId });
    await two.do('join-room', { roomId });
    const out = await ask(server, 'POST', '/api/auth/logout', { cookie: a.cookie });
    assert.equal(out.status, 204);
    assert.equal(out.cookie, '');
    assert.ok(out.cookieAttributes.includes('Max-Age=0'));
    await one.event('disconnect', undefined, 5_000);
    await two.event('participant-left', undefined, 5_000);
    assert.equal((await a.ask('GET', '/api/users/me')).status, 401);
    assert.equal((await a.refresh()).status, 401);
    const fresh = new Page(a);
    t.after(() => fresh.close());
    assert.equal((await fresh.event('connect_error')).message, 'unauthorized');
    assert.equal((await ask(server, 'POST', '/api/auth/logout')).status, 204, 'without a cookie there is nothing to do');
  });
});

describe('the account', () => {
  test('is changed field by field; what can’t be is refused with the field’s name and nothing changed', async () => {
    const person = await signIn(server);
    const patch = (json) => person.ask('PATCH', '/api/users/me', { json });
    const good = await patch({ displayName: 'Zoë 🌻', languages: ['de', 'en'], interests: ['Chess', 'rivers'], country: 'DE', hideIp: false });
    assert.equal(good.status, 200, JSON.stringify(good.body));
    assert.equal(good.body.displayName, 'Zoë 🌻');
    assert.deepEqual(good.body.languages, ['de', 'en']);
    assert.deepEqual(good.body.interests, ['chess', 'rivers']);
    assert.equal(good.body.country, 'DE');
    assert.equal((await patch({ country: null })).body.country, null);
    const before = (await person.ask('GET', '/api/users/me')).body;
    const bad = [
      { displayName: '' }, { displayName: 'x'.repeat(100) }, { displayName: 5 }, { languages: 'de' }, { country: 'Germany' },
      { languages: Array(50).fill('de') }, { interests: Array(50).fill('x') }, { bio: 'x'.repeat(5_000) }, { role: 'admin' },
      { reputation: 100 }, { id: 'usr_00000000000000000000000000' }, { hideIp: 'yes' },
    ];
    for (const json of bad) {
      const answer = await patch(json);
      assert.equal(answer.status, 400, JSON.stringify({ json, body: answer.body }));
      assert.equal(answer.body.code, 'bad-request');
      assert.ok(answer.body.fields?.some(({ field }) => field.startsWith(Object.keys(json)[0])), JSON.stringify(answer.body));
    }
    assert.deepEqual((await person.ask('GET', '/api/users/me')).body, before);
  });

  test('the age must be declared, and only as true', async (t) => {
    const person = await signIn(server, { adult: false, test: t });
    const page = await person.open();
    assert.equal((await page.call('find-match', {})).error?.code, 'age-required');
    assert.equal((await person.ask('PUT', '/api/users/me/age', { json: { adult: false } })).status, 400);
    assert.equal((await page.call('find-match', {})).error?.code, 'age-required');
    assert.equal((await person.declareAge()).status, 204);
    await page.do('find-match', {});
    assert.equal((await person.ask('GET', '/api/users/me')).body.ageDeclared, true);
  });

  test('reputation is told with its reasons, and another’s card shows only the band', async () => {
    const [a, b] = await people(server, 2);
    const mine = await a.ask('GET', '/api/users/me/reputation');
    assert.deepEqual([mine.body.score, mine.body.band, Array.isArray(mine.body.entries)], [70, 'new', true]);
    const card = await a.ask('GET', `/api/users/${b.id}`);
    assert.deepEqual(Object.keys(card.body).sort(), ['avatarUrl', 'band', 'displayName', 'id']);
    assert.equal((await a.ask('GET', '/api/users/usr_00000000000000000000000000')).status, 404);
    assert.equal((await a.ask('GET', '/api/users/nonsense')).status, 404);
  });
});
