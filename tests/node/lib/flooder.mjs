// A process of its own that floods: what it costs to send must not slow those who are measured.

import { io } from 'socket.io-client';

process.once('message', async ({ url, token, sockets, messages }) => {
  const all = Array.from({ length: sockets }, () =>
    io(url, { transports: ['websocket'], forceNew: true, reconnection: false, auth: { token } }),
  );
  await Promise.all(all.map((socket) => new Promise((resolve) => socket.once('welcome', resolve))));
  const reports = await Promise.all(all.map((socket) => flood(socket, messages)));
  process.send(reports, () => process.exit(0));
});

/** Sends as fast as the wire takes it; gives when it was cut, in milliseconds since the first message. */
async function flood(socket, messages) {
  const start = performance.now();
  let cutAfter = null;
  const cut = new Promise((resolve) =>
    socket.once('disconnect', () => {
      cutAfter = performance.now() - start;
      resolve();
    }),
  );
  let sent = 0;
  while (sent < messages && cutAfter === null) {
    for (let i = 0; i < 100; i += 1) socket.emit('media-state', { roomId: 'rm_00000000000000000000000000', audio: true, video: true, screen: false });
    sent += 100;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.race([cut, new Promise((resolve) => setTimeout(resolve, 5_000))]);
  return { cutAfter, sent };
}
