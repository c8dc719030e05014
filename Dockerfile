# Summoner as an image: `docker build -t summoner .`, or `docker compose up --build` with compose.yaml.
#
# The bases are arguments, for networks that have a registry of their own. PACKAGES adds Debian packages: with
# `--build-arg PACKAGES=postgresql` the image brings its own database and runs without another one beside it.
#
# It runs with `--network host`, as compose.yaml says it: on a network of its own it could see neither which ports of the
# machine are free nor whether a tool answers, and installs would end undone.
#
# Where program and browser bundle are built already, `docker build --target runtime` gives all but these two; they
# belong into /opt/summoner.
ARG BUILD_BASE=docker.io/library/rust:1.95-bookworm
ARG RUN_BASE=docker.io/library/debian:bookworm-slim

FROM ${RUN_BASE} AS runtime
ARG PACKAGES=""
# Certificates, to know registries and identity providers; time zones are in the program.
RUN apt-get update -q \
    # Debian makes and starts a cluster with its server package; ours is private, and made when the program starts.
    && mkdir -p /etc/postgresql-common \
    && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends ca-certificates ${PACKAGES} \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/summoner --create-home --shell /usr/sbin/nologin summoner
# Where it listens is left at its default, the machine's loopback.
ENV PATH=/opt/summoner:$PATH \
    SUMMONER_DATA_DIR=/var/lib/summoner
USER summoner
VOLUME /var/lib/summoner
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["summoner", "healthcheck"]
ENTRYPOINT ["summoner"]
CMD ["serve"]

FROM ${BUILD_BASE} AS build
# Node runs the two programs that build the browser bundle; nothing of it reaches the image.
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends nodejs npm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# The toolchain first: it changes less often than the code. The base may bring another version; this fetches ours.
COPY rust-toolchain.toml ./
RUN rustup target add wasm32-unknown-unknown
COPY . .
ENV SQLX_OFFLINE=true CARGO_TARGET_DIR=/build CARGO_INCREMENTAL=0
RUN cargo xtask bundle \
    && cargo build --release --locked --package summoner \
    && mkdir /out \
    && cp -r /build/site /build/release/summoner /out/

FROM runtime
# The bundle lies beside the program, where it is looked for.
COPY --from=build /out/ /opt/summoner/
