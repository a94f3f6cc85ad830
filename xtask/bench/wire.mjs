// Socket.IO by hand over a plain WebSocket: the same cheap client for both servers, so that only they differ.
import WebSocket from 'ws';

export class Wire {
  #ws;
  #next = 0;
  #acks = new Map();
  #heard = new Map();

  /** Connected to the default namespace. */
  static open(url, auth) {
    const wire = new Wire();
    return new Promise((done, fail) => {
      const ws = new WebSocket(`${url.replace(/^http/, 'ws')}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false });
      wire.#ws = ws;
      ws.on('error', fail);
      ws.on('close', (code) => fail(new Error(`closed at connect: ${code}`)));
      ws.on('message', (data) => {
        const text = data.toString();
        if (text[0] === '0') ws.send(`40${auth ? JSON.stringify(auth) : ''}`);
        else if (text === '2') ws.send('3');
        else if (text.startsWith('40')) done(wire);
        else if (text.startsWith('44')) fail(new Error(text.slice(2)));
        else if (text.startsWith('42')) wire.#event(text);
        else if (text.startsWith('43')) wire.#ack(text);
      });
    });
  }

  #event(text) {
    const name = text.slice(4, text.indexOf('"', 4));
    const heard = this.#heard.get(name);
    if (heard) heard(JSON.parse(text.slice(2))[1]);
  }

  #ack(text) {
    const bracket = text.indexOf('[');
    const id = Number(text.slice(2, bracket));
    const done = this.#acks.get(id);
    this.#acks.delete(id);
    done?.(text, bracket);
  }

  on(name, heard) {
    this.#heard.set(name, heard);
  }

  /** Sends; `acked` gets the raw answer, unparsed since most are only counted. */
  emit(name, payload, acked) {
    const id = this.#next++;
    this.#acks.set(id, acked);
    this.#ws.send(`42${id}["${name}",${JSON.stringify(payload)}]`);
  }

  /** Sends and gives the answer. */
  ask(name, payload) {
    return new Promise((done) => this.emit(name, payload, (text, bracket) => done(JSON.parse(text.slice(bracket))[0])));
  }

  close() {
    return new Promise((done) => {
      this.#ws.removeAllListeners('close');
      this.#ws.once('close', done);
      this.#ws.close();
    });
  }
}
