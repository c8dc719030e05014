import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { APIRequestContext } from "@playwright/test";
import { container, containers, docker } from "../engine.ts";
import { expect, test } from "../fixtures.ts";
import { install, openLink, remove } from "../journeys.ts";

/** What proves that a tool works, beyond its own check: something that a person would use it for. */
interface Proof {
  id: string;
  title: string;
  works: (tool: string, address: string | null, request: APIRequestContext) => Promise<void>;
}

const inside = async (tool: string, script: string, service = "app") => docker("exec", (await container(tool, service)).Id, "sh", "-c", script);

const proofs: Proof[] = [
  {
    id: "postgresql",
    title: "PostgreSQL",
    works: async (tool, address) => {
      expect(address, "a browser cannot open it").toBeNull();
      const query = `PGPASSWORD="$POSTGRES_PASSWORD" psql -h 127.0.0.1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -Atc`;
      await inside(tool, `${query} "create table t (n int); insert into t values (7)"`);
      expect(await inside(tool, `${query} "select n from t"`)).toBe("7");
    },
  },
  {
    id: "mariadb",
    title: "MariaDB",
    works: async (tool, address) => {
      expect(address, "a browser cannot open it").toBeNull();
      const query = `MYSQL_PWD="$MARIADB_PASSWORD" mariadb -h 127.0.0.1 -u "$MARIADB_USER" "$MARIADB_DATABASE" -Ne`;
      await inside(tool, `${query} "create table t (n int); insert into t values (7)"`);
      expect(await inside(tool, `${query} "select n from t"`)).toBe("7");
    },
  },
  {
    id: "redis",
    title: "Redis",
    works: async (tool, address) => {
      expect(address, "a browser cannot open it").toBeNull();
      expect(await inside(tool, "redis-cli set key seven && redis-cli get key")).toBe("OK\nseven");
      expect(await inside(tool, "env -u REDISCLI_AUTH redis-cli get key")).toContain("NOAUTH");
    },
  },
  {
    id: "valkey",
    title: "Valkey",
    works: async (tool, address) => {
      expect(address, "a browser cannot open it").toBeNull();
      expect(await inside(tool, "valkey-cli set key seven && valkey-cli get key")).toBe("OK\nseven");
      expect(await inside(tool, "valkey-cli config get maxmemory")).toContain(String(256 * 1024 * 1024));
    },
  },
  {
    id: "static-site",
    title: "Static site",
    works: async (tool, address, request) => {
      await inside(tool, "rm -r /usr/share/nginx/html/* && echo seven >/usr/share/nginx/html/page.txt");
      expect((await request.get(address!)).status(), "there is no first page").toBe(403);
      expect(await (await request.get(new URL("/page.txt", address!).href)).text()).toBe("seven\n");
      // The check comes every five seconds and has to fail three times before it counts.
      const { Id, State } = await container(tool, "app");
      const log = async () => JSON.parse(await docker("inspect", "--format", "{{json .State.Health.Log}}", Id)) as { Start: string; ExitCode: number }[];
      const since = Date.now();
      await expect.poll(async () => (await log()).filter((check) => Date.parse(check.Start) > since).length, { timeout: 30_000 }).toBeGreaterThan(1);
      expect((await log()).map((check) => check.ExitCode), State.Status).not.toContain(1);
    },
  },
  {
    id: "adminer",
    title: "Adminer",
    works: async (_tool, address, request) => {
      expect(await (await request.get(address!)).text()).toContain("<title>Login - Adminer</title>");
    },
  },
  {
    id: "prometheus",
    title: "Prometheus",
    works: async (_tool, address, request) => {
      const up = new URL("/api/v1/query?query=vector(7)", address!).href;
      expect((await (await request.get(up)).json()).data.result[0].value[1]).toBe("7");
    },
  },
  {
    id: "registry",
    title: "Container registry",
    works: async (tool, address, request) => {
      const registry = new URL("/v2/", address!);
      expect((await request.get(registry.href)).status()).toBe(401);
      // "summoner:{PLAIN}…", as the door reads it.
      const password = (await inside(tool, "cat /etc/nginx/people", "front")).split("}")[1]!.trim();
      const host = `127.0.0.1:${registry.port}`;
      const image = `${host}/team/front:1`;
      const config = await mkdtemp(join(tmpdir(), "summoner-docker-"));
      try {
        await docker("tag", (await container(tool, "front")).Image, image);
        await expect(docker("--config", config, "push", image), "nobody has signed in").rejects.toThrow();
        await docker("--config", config, "login", "--username", "summoner", "--password", password, host);
        await docker("--config", config, "push", image);
        await docker("rmi", image);
        await docker("--config", config, "pull", image);
        const headers = { authorization: `Basic ${Buffer.from(`summoner:${password}`).toString("base64")}` };
        const tags = await request.get(new URL("/v2/team/front/tags/list", registry).href, { headers });
        expect(await tags.json()).toEqual({ name: "team/front", tags: ["1"] });
      } finally {
        await docker("rmi", image).catch(() => undefined);
        await rm(config, { recursive: true });
      }
    },
  },
];

for (const { id, title, works } of proofs) {
  test(`${id} is installed from its entry as it is, and works`, async ({ page }) => {
    const tool = `e2e-${id}`;
    await install(page, { id, title }, { name: tool });
    for (const each of await containers(tool)) expect(each.State.Health?.Status, each.Name).toBe("healthy");
    const link = openLink(page);
    await works(tool, (await link.count()) > 0 ? await link.getAttribute("href") : null, page.request);
    await remove(page, tool, "delete");
    expect(await containers(tool)).toEqual([]);
  });
}
