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

const inside = async (tool: string, script: string) => docker("exec", (await container(tool, "app")).Id, "sh", "-c", script);

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
    works: async (_tool, address, request) => {
      expect((await request.get(new URL("/v2/", address!).href)).status()).toBe(401);
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
