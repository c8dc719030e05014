import { createServer, connect, type Server, type Socket } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** A way to the test bed's registry that a test can close: the panel sees a registry that stopped answering. */
export class Mirror {
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;
  private port = 0;

  private constructor(private readonly target: { host: string; port: number }) {}

  /** `target` is `host:port`. */
  static async open(target: string): Promise<Mirror> {
    const [host, port] = target.split(":");
    if (!host || !port) throw new Error(`${target} is no host:port`);
    const mirror = new Mirror({ host, port: Number(port) });
    await mirror.mend();
    return mirror;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Refuses new connections and ends the present ones. */
  async cut(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    if (!server) return;
    server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(server, "close");
  }

  /** Answers again, on the same port. */
  async mend(): Promise<void> {
    if (this.server) return;
    const server = createServer((client) => {
      const registry = connect(this.target);
      for (const [socket, other] of [[client, registry], [registry, client]] as const) {
        this.sockets.add(socket);
        socket.on("error", () => other.destroy());
        socket.on("close", () => {
          this.sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }
}
