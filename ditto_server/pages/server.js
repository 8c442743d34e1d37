// Requests to the server; every refusal is one sentence.

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export class Server {
  // What is remembered lies under a name of the page's own.
  constructor(name) {
    this.name = name;
    const given = new URLSearchParams(location.hash.slice(1)).get("key");
    this.memory = JSON.parse(sessionStorage.getItem(name) ?? "{}");
    if (given) {
      this.remember({ key: given });
      history.replaceState(null, "", location.pathname + location.search);
    }
  }

  // Survives a reload, not the closing of the tab.
  remember(what) {
    Object.assign(this.memory, what);
    sessionStorage.setItem(this.name, JSON.stringify(this.memory));
  }

  async ask(method, path, body) {
    const headers = {};
    if (this.memory.key) headers.Authorization = `Bearer ${this.memory.key}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw new Refused(0, "The server cannot be reached.");
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
    const url = new URL(path, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    if (after !== undefined) url.searchParams.set("after", after);
    return new WebSocket(url);
  }
}
