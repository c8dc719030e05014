// Publishes one built image under all its tags: `node publish.mjs NAME`, where testbed/NAME:built is in the public
// registry. It writes manifests itself instead of building each tag in the engine: that takes milliseconds a tag, and
// gives every tag the two platforms that public images have.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { repositories } from "./tags.mjs";

const docker = {
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  list: "application/vnd.docker.distribution.manifest.list.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};
const oci = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  list: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};
const platforms = { amd64: { architecture: "amd64", os: "linux" }, arm64: { architecture: "arm64", os: "linux", variant: "v8" } };
const here = process.arch === "arm64" ? "arm64" : "amd64";
const other = here === "arm64" ? "amd64" : "arm64";

const publicUrl = `http://${process.env.public}/v2`;
const privateUrl = `http://${process.env.private}/v2`;
const login = `Basic ${Buffer.from(process.env.private_login ?? "").toString("base64")}`;
const digestOf = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function call(url, options = {}, accepted = [200]) {
  const headers = { ...options.headers, ...(url.startsWith(privateUrl) ? { authorization: login } : {}) };
  const answer = await fetch(url, { ...options, headers });
  if (!accepted.includes(answer.status)) {
    throw new Error(`${options.method ?? "GET"} ${url}: ${answer.status} ${await answer.text()}`);
  }
  return answer;
}

/** Brings a blob into a repository: by reference from `source` where that is the same registry, else byte by byte. */
async function ensureBlob(registry, repository, digest, source, bytes) {
  const there = await call(`${registry}/${repository}/blobs/${digest}`, { method: "HEAD" }, [200, 404]);
  if (there.ok) return;
  if (source && registry === publicUrl) {
    await call(`${registry}/${repository}/blobs/uploads/?mount=${digest}&from=${source}`, { method: "POST" }, [201]);
    return;
  }
  const body = bytes ?? Buffer.from(await (await call(`${publicUrl}/${source}/blobs/${digest}`)).arrayBuffer());
  const begun = await call(`${registry}/${repository}/blobs/uploads/`, { method: "POST" }, [202]);
  const target = new URL(begun.headers.get("location"), registry);
  target.searchParams.set("digest", digest);
  await call(target.href, { method: "PUT", body, headers: { "content-type": "application/octet-stream" } }, [201]);
}

async function putManifest(registry, repository, reference, mediaType, content) {
  const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
  await call(`${registry}/${repository}/manifests/${reference}`, { method: "PUT", body, headers: { "content-type": mediaType } }, [201]);
  return { mediaType, digest: digestOf(body), size: body.length };
}

/** The one layer in which a tag differs: /etc/image-version, with a fixed time so that its digest stays. */
function versionLayer(version) {
  const folder = mkdtempSync(join(tmpdir(), "testbed-"));
  try {
    mkdirSync(join(folder, "etc"));
    writeFileSync(join(folder, "etc/image-version"), `${version}\n`, { mode: 0o644 });
    const tar = execFileSync("tar", ["--create", "--directory", folder, "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--sort=name", "--mode=u+rwX,go+rX", "etc/image-version"]);
    return { tar, compressed: gzipSync(tar) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function configOf(built, { version, created, tag, architecture, layer, extra }) {
  const config = structuredClone(built);
  const variables = Object.fromEntries((config.config.Env ?? []).map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
  config.config.Env = Object.entries({ ...variables, ...extra.Env }).map(([name, value]) => `${name}=${value}`);
  config.config.Labels = { ...config.config.Labels, "org.opencontainers.image.version": version, "org.opencontainers.image.ref.name": tag };
  if (extra.Volumes) config.config.Volumes = extra.Volumes;
  const { variant } = platforms[architecture];
  Object.assign(config, { architecture, created: `${created}T00:00:00Z`, ...(variant ? { variant } : {}) });
  config.rootfs.diff_ids = [...config.rootfs.diff_ids, digestOf(layer.tar)];
  config.history = [...(config.history ?? []), { created: config.created, created_by: `COPY etc/image-version # ${version}` }];
  delete config.container;
  delete config.container_config;
  return Buffer.from(JSON.stringify(config));
}

/** All names under which a release stands with one variant: its own tag, then the moving ones. */
const namesOf = (release, variant) => [
  release.version + variant,
  ...(release.also ?? []).map((name) => (name === "latest" && variant ? variant.slice(1) : name + variant)),
];

/** Takes tags away that an earlier table had. It comes first: deleting goes by digest and would take new tags along. */
async function removeStale(registry, plan, types) {
  const wanted = new Set(plan.releases.flatMap((release) => plan.variants.flatMap((variant) => namesOf(release, variant))));
  const answer = await call(`${registry}/${plan.repository}/tags/list`, {}, [200, 404]);
  const present = answer.ok ? ((await answer.json()).tags ?? []) : [];
  for (const tag of present.filter((name) => !wanted.has(name))) {
    const found = await call(`${registry}/${plan.repository}/manifests/${tag}`, { method: "HEAD", headers: { accept: types.list } }, [200, 404]);
    if (!found.ok) continue; // went with another tag of the same digest
    await call(`${registry}/${plan.repository}/manifests/${found.headers.get("docker-content-digest")}`, { method: "DELETE" }, [202]);
  }
}

async function publishRepository(plan) {
  const registry = plan.private ? privateUrl : publicUrl;
  const types = plan.format === "oci" ? oci : docker;
  const source = `testbed/${plan.image}`;
  const built = await (await call(`${publicUrl}/${source}/manifests/built`, { headers: { accept: docker.manifest } })).json();
  const builtConfig = await (await call(`${publicUrl}/${source}/blobs/${built.config.digest}`)).json();
  for (const layer of built.layers) await ensureBlob(registry, plan.repository, layer.digest, source);

  await removeStale(registry, plan, types);
  let count = 0;
  for (const release of plan.releases) {
    const layer = versionLayer(release.version);
    const added = { mediaType: types.layer, digest: digestOf(layer.compressed), size: layer.compressed.length };
    await ensureBlob(registry, plan.repository, added.digest, null, layer.compressed);
    const layers = [...built.layers.map((each) => ({ ...each, mediaType: types.layer })), added];

    for (const variant of plan.variants) {
      const tag = release.version + variant;
      const architectures = (release.platforms ?? ["here", "other"]).map((name) => (name === "here" ? here : other));
      const manifests = [];
      for (const architecture of architectures) {
        const config = configOf(builtConfig, { ...release, tag, architecture, layer, extra: plan.config(release.version) });
        await ensureBlob(registry, plan.repository, digestOf(config), null, config);
        const described = { mediaType: types.config, digest: digestOf(config), size: config.length };
        // The registry wants each image before the list that names it; under its digest it makes no tag.
        const body = { config: described, layers };
        const digest = digestOf(Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: types.manifest, ...body })));
        manifests.push({ ...(await putManifest(registry, plan.repository, digest, types.manifest, body)), platform: platforms[architecture] });
      }
      for (const name of namesOf(release, variant)) {
        await putManifest(registry, plan.repository, name, types.list, { manifests });
        count += 1;
      }
    }
  }
  return count;
}

const name = process.argv[2];
const plans = repositories.filter((plan) => plan.image === name);
if (plans.length === 0) throw new Error(`tags.mjs has no repository for the image ${name}`);
for (const plan of plans) console.error(`testbed: ${plan.repository}: ${await publishRepository(plan)} tags`);
