// One STUN binding request (RFC 8489 section 5, 14.2), by hand: twenty bytes and no attribute.

import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';

import { SOON, within } from './wait.mjs';

const MAGIC = 0x2112a442;

/** Asks `host:port`; gives the mapped address, and the address that asked. */
export async function binding(port, host = '127.0.0.1') {
  const socket = dgram.createSocket('udp4');
  try {
    const id = randomBytes(12);
    const request = Buffer.alloc(20);
    request.writeUInt16BE(0x0001, 0);
    request.writeUInt32BE(MAGIC, 4);
    id.copy(request, 8);
    await new Promise((resolve) => socket.connect(port, host, resolve));
    const answer = new Promise((resolve, reject) => {
      socket.once('message', resolve);
      socket.once('error', reject);
    });
    socket.send(request);
    const message = await within(answer, SOON, `a STUN answer from ${host}:${port}`);
    return { ...read(message, id), own: socket.address(), size: message.length };
  } finally {
    socket.close();
  }
}

function read(message, id) {
  const type = message.readUInt16BE(0);
  const sameId = message.subarray(8, 20).equals(id);
  let mapped = null;
  for (let at = 20; at + 4 <= message.length; ) {
    const [kind, length] = [message.readUInt16BE(at), message.readUInt16BE(at + 2)];
    if (kind === 0x0020 && message[at + 5] === 1) {
      const port = message.readUInt16BE(at + 6) ^ (MAGIC >>> 16);
      const bits = (message.readUInt32BE(at + 8) ^ MAGIC) >>> 0;
      mapped = { port, address: [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.') };
    }
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  return { type, sameId, mapped };
}

/** Sends bytes and gives the first answer, or null when another request's answer comes first (the barrier). */
export async function silent(port, bytes, host = '127.0.0.1') {
  const socket = dgram.createSocket('udp4');
  try {
    await new Promise((resolve) => socket.connect(port, host, resolve));
    const id = randomBytes(12);
    const request = Buffer.alloc(20);
    request.writeUInt16BE(0x0001, 0);
    request.writeUInt32BE(MAGIC, 4);
    id.copy(request, 8);
    const answer = new Promise((resolve) => socket.once('message', resolve));
    socket.send(bytes);
    socket.send(request);
    const message = await within(answer, SOON, 'the answer to the binding request behind it');
    return message.length >= 20 && message.subarray(8, 20).equals(id) ? null : message;
  } finally {
    socket.close();
  }
}
