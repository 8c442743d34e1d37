// Requests to the server; every refusal is one sentence.

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

// A server and the key or token to it.
export class Api {
  constructor(base, key) {
    this.base = new URL(base, location.href);
    this.key = key;
  }

  async ask(method, path, body) {
    const headers = {};
    if (this.key) headers.Authorization = `Bearer ${this.key}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(new URL(path, this.base), { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      const elsewhere = this.base.origin !== location.origin;
      throw new Refused(0, `The server cannot be reached${elsewhere ? `, or lets no page of ${location.origin} in` : ""}.`);
    }
    const text = await response.text();
    let told = {};
    try {
      told = text ? JSON.parse(text) : {};
    } catch {
      told = { detail: `The server answered ${response.status}.` };
    }
    if (!response.ok) throw new Refused(response.status, told.detail ?? `The server answered ${response.status}.`);
    return told;
  }

  socket(path, after) {
    const url = new URL(path, this.base);
    url.protocol = url.protocol.replace("http", "ws");
    if (after !== undefined) url.searchParams.set("after", after);
    return new WebSocket(url);
  }
}

// The server that this page has come from; what is remembered lies under a name of the page's own.
export class Server extends Api {
  constructor(name) {
    super(location.href);
    this.name = name;
    const given = new URLSearchParams(location.hash.slice(1)).get("key");
    this.memory = JSON.parse(sessionStorage.getItem(name) ?? "{}");
    this.key = this.memory.key;
    if (given) {
      this.remember({ key: given });
      history.replaceState(null, "", location.pathname + location.search);
    }
  }

  // Survives a reload, not the closing of the tab.
  remember(what) {
    Object.assign(this.memory, what);
    this.key = this.memory.key;
    sessionStorage.setItem(this.name, JSON.stringify(this.memory));
  }
}
