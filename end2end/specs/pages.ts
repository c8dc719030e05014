import type { Page } from "@playwright/test";
import { entries, install, open, prefix, remove } from "../journeys.ts";

/** A page to look at, by a name for its report. */
export interface Look {
  name: string;
  path: string;
}

/** The pages that stand without a tool. */
export const plain: Look[] = [
  { name: "dashboard", path: "/" },
  { name: "tools", path: "/tools" },
  { name: "catalogue", path: "/catalogue" },
  { name: "entry", path: `/catalogue/${entries.demo.id}` },
  { name: "activity", path: "/activity" },
  { name: "me", path: "/me" },
  { name: "settings", path: "/settings" },
  { name: "registries", path: "/settings/registries" },
  { name: "search", path: "/search?q=set" },
  { name: "not-found", path: "/there/is/nothing" },
];

/** Installs a tool, gives its pages to `look`, and takes it away again. */
export async function withTool(page: Page, label: string, look: (pages: Look[]) => Promise<void>): Promise<void> {
  const tool = `${prefix}${label}`;
  await install(page, entries.solo, { name: tool });
  const operation = new URL(page.url()).pathname;
  await look([
    { name: "operation", path: operation },
    { name: "tools-one", path: "/tools" },
    { name: "dashboard-one", path: "/" },
    { name: "tool-question", path: `/tools/${tool}?do=stop` },
    ...["", "/logs", "/settings", "/remove"].map((tab) => ({ name: `tool${tab.replace("/", "-")}`, path: `/tools/${tool}${tab}` })),
  ]);
  await open(page, "/");
  await remove(page, tool, "delete");
}

export const schemes = ["light", "dark"] as const;
