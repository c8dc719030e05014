import { Front } from "../registry.ts";

/** The test bed's registry with many more tags of one repository, in pages as public registries give them. */
export async function manyTags(registry: string, repository: string, tags: string[]): Promise<Front & { lists: number }> {
  const front = Object.assign(await Front.open(registry), { lists: 0 });
  front.own = (url, _request, response) => {
    if (url.pathname !== `/v2/${repository}/tags/list`) return false;
    front.lists += 1;
    const count = Math.min(Number(url.searchParams.get("n") ?? "100"), 1000);
    const last = url.searchParams.get("last");
    const from = last === null ? 0 : tags.indexOf(last) + 1;
    const page = tags.slice(from, from + count);
    const more = from + count < tags.length;
    response.writeHead(200, {
      "content-type": "application/json",
      ...(more ? { link: `</v2/${repository}/tags/list?n=${count}&last=${page.at(-1)}>; rel="next"` } : {}),
    });
    response.end(JSON.stringify({ name: repository, tags: page }));
    return true;
  };
  return front;
}
