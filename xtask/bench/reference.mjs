// REF-S: what a plain socket.io server takes for the same work. No token, no limits, no log: all that ours does more
// counts against us.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { obey } from './control.mjs';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false });
io.on('connection', (socket) => {
  socket.on('media-state', (payload, ack) => ack({ ok: false, error: { code: 'not-in-room', message: 'You are not in that call.' } }));
  socket.on('join-room', ({ roomId }, ack) => {
    socket.join(roomId);
    ack({ ok: true });
  });
  socket.on('chat-message', ({ roomId, text }, ack) => {
    const id = `msg_${socket.id}`;
    const message = { roomId, id, from: socket.id, text, at: new Date().toISOString() };
    // Whoever wrote it hears of it by the acknowledgement, or as the others do: as the measured server has it.
    (process.env.ECHO === '1' ? io : socket).to(roomId).emit('chat-message', message);
    ack({ ok: true, id });
  });
});
http.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${http.address().port}`));

await obey({ gc: () => globalThis.gc?.() });
