import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, signedOut, test } from "../fixtures.ts";
import { hydrated, open, setUp } from "../journeys.ts";

test.use({ storageState: signedOut });

test("a page of an older panel says so, and keeps what was typed until it is asked to go", async ({ page, startPanel }) => {
  const bundle = process.env.SUMMONER_SITE_DIR;
  if (!bundle) throw new Error("SUMMONER_SITE_DIR is not set.");
  const site = mkdtempSync(join(tmpdir(), "summoner-site-"));
  cpSync(bundle, site, { recursive: true });
  const panel = await startPanel({ SUMMONER_SITE_DIR: site });
  await setUp(page, panel);
  await open(page, `${panel.url}/settings`);
  await page.getByLabel("Site name").fill("Half a na");
  const before = await page.getByText(/^\d+\.\d+\.\d+\+[0-9a-f]{8}$/).textContent();

  // The same restart with the same files is no news.
  await panel.restart();
  await expect(page.getByText("Connected")).toBeVisible({ timeout: 30_000 });
  const told = page.getByText("This panel was updated.");
  await expect(told).toHaveCount(0);

  const manifest = JSON.parse(readFileSync(join(site, "manifest.json"), "utf8")) as Record<string, string>;
  cpSync(join(site, manifest["icons.svg"]!), join(site, "icons.other.svg"));
  writeFileSync(join(site, "manifest.json"), JSON.stringify({ ...manifest, "icons.svg": "icons.other.svg" }));
  await panel.restart();
  await expect(told).toBeVisible({ timeout: 30_000 });
  await expect(page.getByLabel("Site name")).toHaveValue("Half a na");
  await page.getByRole("link", { name: "Load this page anew" }).click();
  await hydrated(page);
  await expect(told).toHaveCount(0);
  await expect(page.getByText(/^\d+\.\d+\.\d+\+[0-9a-f]{8}$/)).not.toHaveText(before!);
  rmSync(site, { recursive: true });
});
