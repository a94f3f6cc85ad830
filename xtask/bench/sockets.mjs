// The load of `cargo xtask bench socket`: node sockets.mjs product|reference URL [DATA]
import { obey, openLoop, until } from './control.mjs';
import { signIn } from './people.mjs';
import { Wire } from './wire.mjs';

const [kind, url, data] = process.argv.slice(2);
const product = kind === 'product';
/** How many connect at once. */
const AT_ONCE = 8;
/** Sockets that the measured server lets one person have. */
const PER_PERSON = 8;
/** Talk that no rule against strangers' numbers and links holds back. */
const TALK = ['hello there', 'how was your day', 'it rains here', 'do you like music', 'what do you read', 'nice to meet you'];

let people = [];
let wires = [];
let pairs = [];

async function open(count, whose) {
  let next = 0;
  const one = async () => {
    while (next < count) {
      const at = next++;
      wires[at] = await Wire.open(url, product ? { token: whose(at).token } : undefined);
    }
  };
  wires = Array(count);
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

async function meet(wire) {
  const matched = new Promise((done) => wire.on('match', done));
  const asked = await wire.ask('find-match', {});
  if (!asked.ok) throw new Error(`find-match: ${JSON.stringify(asked)}`);
  const { roomId } = await matched;
  const joined = await wire.ask('join-room', { roomId });
  if (!joined.ok) throw new Error(`join-room: ${JSON.stringify(joined)}`);
  return { wire, roomId };
}

await obey({
  async people(count) {
    if (product) people = await signIn(url, data, count);
  },

  async connect(count) {
    await open(count, (at) => people[Math.floor(at / PER_PERSON) % people.length]);
  },

  async close() {
    await Promise.all(wires.map((wire) => wire.close()));
    wires = [];
    pairs = [];
  },

  /** So many events, each acknowledged with an error that costs the server no work but reading and answering. */
  async ack(count, rate) {
    let acked = 0;
    let wrong;
    const payload = { roomId: 'rm_00000000000000000000000000', audio: true, video: true, screen: false };
    await openLoop(count, rate, (i) =>
      wires[i % wires.length].emit('media-state', payload, (text) => {
        acked++;
        if (!text.includes('not-in-room')) wrong ??= text;
      }),
    );
    await until(() => acked === count, () => `${acked} of ${count} acknowledged`);
    if (wrong) throw new Error(`an unexpected answer: ${wrong.slice(0, 200)}`);
  },

  /** So many rooms of two. */
  async pair(count) {
    await open(2 * count, (at) => people[at]);
    if (product) {
      const rooms = new Map();
      for (const seat of await Promise.all(wires.map(meet))) {
        rooms.set(seat.roomId, [...(rooms.get(seat.roomId) ?? []), seat]);
      }
      pairs = [...rooms.values()];
    } else {
      pairs = [];
      for (let at = 0; at < count; at++) {
        pairs.push(wires.slice(2 * at, 2 * at + 2).map((wire) => ({ wire, roomId: `rm_${at}` })));
      }
      await Promise.all(pairs.flat().map(({ wire, roomId }) => wire.ask('join-room', { roomId })));
    }
    const odd = pairs.filter((pair) => pair.length !== 2).length;
    if (odd || pairs.length !== count) throw new Error(`${pairs.length} rooms, ${odd} of them not of two`);
  },

  /** So many messages, each said in one room and heard by the other there; `heard` counts every delivery. */
  async chat(count, rate) {
    let acked = 0;
    let heard = 0;
    let others = 0;
    let wrong;
    for (const [a, b] of pairs) {
      a.wire.on('chat-message', () => heard++);
      b.wire.on('chat-message', () => (heard++, others++));
    }
    await openLoop(count, rate, (i) => {
      const { wire, roomId } = pairs[i % pairs.length][0];
      wire.emit('chat-message', { roomId, text: TALK[i % TALK.length], nonce: `n${i}` }, (text) => {
        acked++;
        if (!text.includes('"ok":true')) wrong ??= text;
      });
    });
    await until(() => acked === count, () => `${acked} of ${count} acknowledged`);
    if (wrong) throw new Error(`an unexpected answer: ${wrong.slice(0, 200)}`);
    await until(() => others === count, () => `${others} of ${count} delivered`);
    return { heard };
  },
});
