import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Api } from "../api.ts";
import { expect, signedOut, test } from "../fixtures.ts";
import { open, setUp } from "../journeys.ts";

// The pictures of the README, from the real pages: `end2end/run --project=pictures`. Not among the tests.

const folder = join(dirname(fileURLToPath(import.meta.url)), "../../docs/pictures");
const tools = { blog: "wordpress", website: "static-site", metrics: "prometheus", images: "registry", cache: "redis" };

test.use({ storageState: signedOut });

test("pictures", async ({ page, startPanel }) => {
  test.setTimeout(600_000);
  const panel = await startPanel();
  await setUp(page, panel);
  const api = await Api.as(page.context(), panel.url);
  let operation = "";
  for (const [name, entry] of Object.entries(tools)) operation = await api.install(entry, name);
  // Memory and processor are measured now and then.
  await page.waitForTimeout(15_000);

  const shoot = async (name: string, path: string, colorScheme: "light" | "dark", ready = async () => {}) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await open(page, panel.url + path);
    await ready();
    await page.screenshot({ path: join(folder, `${name}.png`) });
  };
  await shoot("dashboard", "/", "dark");
  await shoot("operation", `/operations/${operation}`, "light");
  await shoot("install", "/catalogue/wordpress", "light", () => expect(page.getByRole("region", { name: "The plan" })).toContainText("Pull"));
  for (const name of Object.keys(tools)) await api.remove(name);
});
