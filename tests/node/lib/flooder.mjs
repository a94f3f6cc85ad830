// A process of its own that floods: what it costs to send must not slow those who are measured.

import { io } from 'socket.io-client';

process.once('message', async ({ url, token, sockets, messages, forMs }) => {
  const end = performance.now() + forMs;
  const one = async () => {
    const reports = [];
    while (performance.now() < end) reports.push(await flood(url, token, messages));
    return reports;
  };
  const reports = (await Promise.all(Array.from({ length: sockets }, one))).flat();
  process.send(reports, () => process.exit(0));
});

/**
 * Connects and sends as fast as the wire takes it, until it is cut or has sent everything. Gives when it was cut,
 * in milliseconds since the first message; null when it never was.
 */
async function flood(url, token, messages) {
  const socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false, auth: { token } });
  await new Promise((resolve, reject) => {
    socket.once('welcome', resolve);
    socket.once('connect_error', reject);
  });
  const start = performance.now();
  let cutAfter = null;
  const cut = new Promise((resolve) =>
    socket.once('disconnect', () => {
      cutAfter = performance.now() - start;
      resolve();
    }),
  );
  let sent = 0;
  const payload = { roomId: 'rm_00000000000000000000000000', audio: true, video: true, screen: false };
  while (sent < messages && cutAfter === null) {
    for (let i = 0; i < 100; i += 1) socket.emit('media-state', payload);
    sent += 100;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.race([cut, new Promise((resolve) => setTimeout(resolve, 5_000))]);
  socket.disconnect();
  return { cutAfter, sent };
}
