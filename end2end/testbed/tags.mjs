// Which tags stand in the registries. Every tag is its own image: it differs in its version label and the file
// /etc/image-version, its program is the one that was built. Dates and numbers are made up where the public
// registries have none yet.

const databaseFolder = (version) => {
  const major = version.split(/[.a-z]/)[0];
  // From 18 on the public image keeps its files one level up, in a folder of the major.
  const old = Number(major) < 18;
  return {
    Env: { PG_MAJOR: major, PG_VERSION: version, PGDATA: old ? "/var/lib/postgresql/data" : `/var/lib/postgresql/${major}/docker` },
    Volumes: { [old ? "/var/lib/postgresql/data" : "/var/lib/postgresql"]: {} },
  };
};

/**
 * One repository each:
 * - image: the folder under images/ that builds its program
 * - variants: endings that every release is published with; the first one is where `also` without ending points
 * - releases: version, day it was made, moving tags that point to it (their variants too), platforms if not both
 * - config: what the image's configuration has beyond the program's own, by version
 * - private: whether it stands in the registry that asks for a password
 */
export const repositories = [
  {
    repository: "library/nginx",
    image: "nginx",
    variants: ["", "-alpine", "-alpine-slim"],
    releases: [
      { version: "1.28.0", created: "2025-04-23" },
      { version: "1.28.3", created: "2026-02-10", also: ["1.28"] },
      { version: "1.29.8", created: "2026-03-24", also: ["1.29"] },
      { version: "1.30.3", created: "2026-06-02" },
      { version: "1.30.4", created: "2026-07-14", also: ["1.30", "stable"] },
      { version: "1.31.4", created: "2026-08-11", also: ["1.31", "1", "mainline", "latest"] },
    ],
    config: (version) => ({ Env: { NGINX_VERSION: version } }),
  },
  {
    repository: "library/postgres",
    image: "postgres",
    variants: ["", "-alpine"],
    releases: [
      { version: "16.15", created: "2026-08-13", also: ["16"] },
      { version: "17.10", created: "2026-05-14" },
      { version: "17.11", created: "2026-08-13", also: ["17"] },
      { version: "18.5", created: "2026-05-14" },
      { version: "18.6", created: "2026-08-13", also: ["18", "latest"] },
      { version: "19beta3", created: "2026-08-13" },
    ],
    config: databaseFolder,
  },
  {
    repository: "library/mariadb",
    image: "mariadb",
    variants: ["", "-noble"],
    releases: [
      { version: "11.4.12", created: "2026-08-06", also: ["11.4"] },
      { version: "11.8.7", created: "2026-05-12" },
      { version: "11.8.8", created: "2026-08-06", also: ["11.8", "11"] },
      { version: "12.3.2", created: "2026-08-06", also: ["12.3", "12", "lts", "latest"] },
      { version: "13.0.1-rc", created: "2026-08-06" },
    ],
    config: (version) => ({ Env: { MARIADB_VERSION: version } }),
  },
  {
    repository: "library/redis",
    image: "redis",
    variants: ["", "-alpine"],
    releases: [
      { version: "7.2.16", created: "2026-06-30", also: ["7.2"] },
      { version: "7.4.11", created: "2026-06-30", also: ["7.4", "7"] },
      { version: "8.2.9", created: "2026-06-30", also: ["8.2"] },
      { version: "8.10.1", created: "2026-08-04", also: ["8.10", "8", "latest"] },
    ],
    config: (version) => ({ Env: { REDIS_VERSION: version } }),
  },
  {
    repository: "valkey/valkey",
    image: "redis",
    variants: ["", "-alpine"],
    releases: [
      { version: "8.1.9", created: "2026-07-07", also: ["8.1", "8"] },
      { version: "9.0.5", created: "2026-07-07", also: ["9.0"] },
      { version: "9.1.1", created: "2026-08-18", also: ["9.1", "9", "latest"] },
    ],
    config: (version) => ({ Env: { VALKEY_VERSION: version } }),
  },
  {
    repository: "library/wordpress",
    image: "wordpress",
    variants: ["", "-apache", "-php8.3-apache", "-php8.4-apache"],
    releases: [
      { version: "6.9.4", created: "2026-04-02", also: ["6.9", "6"] },
      { version: "7.0.2", created: "2026-06-16", also: ["7.0"] },
      { version: "7.1.0", created: "2026-08-18", also: ["7.1", "7", "latest"] },
    ],
    config: () => ({}),
  },
  {
    repository: "library/registry",
    image: "registry",
    variants: [""],
    releases: [
      { version: "2.8.3", created: "2023-10-02", also: ["2.8", "2"] },
      { version: "3.0.0", created: "2025-04-03", also: ["3.0"] },
      { version: "3.1.1", created: "2026-06-09", also: ["3.1", "3", "latest"] },
    ],
    config: () => ({}),
  },
  {
    repository: "prom/prometheus",
    image: "prometheus",
    variants: [""],
    releases: [
      { version: "v2.55.1", created: "2024-11-04", also: ["v2.55"] },
      { version: "v3.13.1", created: "2026-07-21" },
      { version: "v3.13.2", created: "2026-08-04", also: ["v3.13", "v3", "latest"] },
      { version: "v3.14.0-rc.0", created: "2026-08-18" },
    ],
    config: () => ({}),
  },
  {
    repository: "library/adminer",
    image: "adminer",
    variants: ["", "-standalone"],
    releases: [
      { version: "5.4.2", created: "2026-02-10", also: ["5.4", "5"] },
      { version: "6.0.1", created: "2026-07-07", also: ["6.0", "6", "latest"] },
    ],
    config: () => ({}),
  },
  {
    repository: "demo/web",
    image: "demo",
    format: "oci",
    variants: ["", "-alpine"],
    releases: [
      { version: "0.9.0", created: "2026-01-05", platforms: ["other"] },
      { version: "1.0.0", created: "2026-02-02", also: ["1.0"] },
      { version: "1.1.0", created: "2026-03-02" },
      { version: "1.2.0", created: "2026-04-06" },
      { version: "1.3.0", created: "2026-05-04", also: ["1"] },
      { version: "2.0.0", created: "2026-07-06", also: ["2", "latest"] },
      { version: "2.1.0-rc.1", created: "2026-08-03", also: ["nightly"] },
    ],
    config: () => ({}),
  },
  {
    repository: "acme/intranet",
    image: "demo",
    private: true,
    variants: [""],
    releases: [{ version: "1.0.0", created: "2026-02-02", also: ["latest"] }],
    config: () => ({}),
  },
];
