// The WebSocket of a session: commands out, events in, joined again when it was lost.

const PAUSES = [250, 500, 1000, 2000, 4000]; // milliseconds between tries
const OVER = 4000; // the code with which the server says that the session has ended

export class Wire extends EventTarget {
  constructor(server, session) {
    super();
    this.server = server;
    this.session = session;
    this.last = 0; // number of the latest event
    this.tries = 0;
    this.asked = new Map();
    this.question = 0;
    this.closed = false;
    this.rejoin = () => this.socket?.readyState === WebSocket.CLOSED && this.join();
    addEventListener("online", this.rejoin);
    this.join();
  }

  join() {
    clearTimeout(this.pause);
    if (this.closed) return;
    const socket = (this.socket = this.server.socket(this.session.links.ws, this.opened ? this.last : undefined));
    socket.onopen = () => {
      this.tries = 0;
      this.opened = true;
      this.dispatchEvent(new Event("open"));
    };
    socket.onmessage = (message) => this.take(JSON.parse(message.data));
    socket.onclose = (event) => this.lost(event);
  }

  async lost(event) {
    for (const [, refuse] of this.asked.values()) refuse(new Error("The connection was lost."));
    this.asked.clear();
    if (this.closed) return;
    if (event.code === OVER) return this.end(this.reason);
    this.dispatchEvent(new Event("lost"));
    try {
      await this.server.ask("GET", `/v1/sessions/${this.session.id}`);
    } catch (error) {
      if (error.status === 404) return this.end();
    }
    this.pause = setTimeout(() => this.join(), PAUSES[Math.min(this.tries++, PAUSES.length - 1)]);
  }

  end(reason = "nobody was connected for too long") {
    this.close();
    this.dispatchEvent(new CustomEvent("over", { detail: `It has ended: ${reason}.` }));
  }

  // What comes by the data channel too is taken once, whichever way is first.
  take(said) {
    if (said.type === "done" || said.type === "problem") {
      const [done, refuse] = this.asked.get(said.id) ?? [() => {}, (error) => this.dispatchEvent(problem(error.message))];
      this.asked.delete(said.id);
      if (said.type === "done") done(said);
      else refuse(new Error(said.detail));
    } else if (said.number > this.last) {
      this.last = said.number;
      if (said.type === "ended") this.reason = said.reason;
      this.dispatchEvent(new CustomEvent("event", { detail: said }));
    }
  }

  // The answer to a command; rejects with one sentence.
  ask(type, more = {}) {
    return new Promise((done, refuse) => {
      if (this.socket.readyState !== WebSocket.OPEN) return refuse(new Error("There is no connection right now."));
      const id = ++this.question;
      this.asked.set(id, [done, refuse]);
      this.socket.send(JSON.stringify({ type, id, ...more }));
    });
  }

  sound(samples) {
    this.socket.send(samples);
  }

  close() {
    this.closed = true;
    clearTimeout(this.pause);
    removeEventListener("online", this.rejoin);
    this.socket.close();
  }
}

const problem = (detail) => new CustomEvent("problem", { detail });
