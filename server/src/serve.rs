//! `summoner serve`: wires the parts together and runs them until the process is asked to end.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use server::auth::Auth;
use server::catalog::Catalog;
use server::clock::{Clock, Random};
use server::config::{Config, LogFormat};
use server::db;
use server::engine::Engine;
use server::engine::docker::Docker;
use server::engine::watch::{NodeId, Watcher};
use server::health::probe::Prober;
use server::jobs::Worker;
use server::operations::{Executor, OperationJobs, Operations, Patience};
use server::registry::{HttpRegistry, Logins, RegistryConfig, Versions};
use server::secrets::Vault;
use server::tools::{Means, Observer, Parts, Readings, ToolDomain, Tools};
use server::web::live::Hub;
use server::web::origin::Origins;
use server::web::{Panel, recorder, serving, setup_path, site};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// How often answer times are counted into their buckets.
const COUNTED: Duration = Duration::from_secs(10);
/// How long open requests may take to end once the process is asked to.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until SIGINT or SIGTERM.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    log_to_stderr(config.log_format)?;
    server::health::probe::install_crypto();
    let recorder = recorder().context("making the metrics recorder")?;
    let metrics = recorder.handle();
    metrics::set_global_recorder(recorder)
        .map_err(|error| anyhow::anyhow!("installing the metrics recorder: {error}"))?;
    let (clock, random) = (Clock::System, Random::System);
    config.make_data_dir()?;
    // The address is taken first: a second panel on the same port should say so before it touches anything.
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!("listening on {}; is another panel running, or choose another with --listen", config.listen)
    })?;
    let opened = db::open(&config).await?;
    let served = run(&config, &opened.pool, listener, metrics, clock, random).await;
    opened.close().await;
    served
}

async fn run(
    config: &Config,
    pool: &db::Db,
    listener: TcpListener,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
    clock: Clock,
    random: Random,
) -> anyhow::Result<()> {
    db::migrate(pool).await?;
    let vault = Vault::open(&config.key_file, &random)?;
    let engine: Arc<dyn Engine> = Arc::new(Docker::connect(config.docker_host.as_deref())?);
    let (watcher, world) = Watcher::new(NodeId::new(&config.node), engine.clone(), clock.clone());
    let logins = Logins::new(pool.clone(), vault.clone(), clock.clone(), random.clone());
    let registries = RegistryConfig::from_settings(&config.registries)?;
    let registry = HttpRegistry::new(registries, Arc::new(logins.clone()), clock.clone())?;
    let versions = Arc::new(Versions::new(pool.clone(), Arc::new(registry), clock.clone()));
    let means = Arc::new(Means {
        db: pool.clone(),
        clock: clock.clone(),
        vault: Arc::new(vault),
        node: config.node.clone(),
        host: engine.host().or(config.public_url.host_str()).unwrap_or("localhost").to_owned(),
        credentials: Arc::new(logins.clone()),
        prober: Prober::new().context("making the client that asks tools whether they answer")?,
        readings: Readings::default(),
        engine,
    });
    let tools = Tools::new(Parts {
        means: means.clone(),
        random: random.clone(),
        catalog: Arc::new(catalog(config)?),
        versions: versions.clone(),
        logins,
        world: world.clone(),
        operations: Operations::new(pool.clone(), clock.clone(), random.clone()),
        mirrors: mirrors(config),
    });
    let domain = Arc::new(ToolDomain { means: means.clone() });
    let executor = Arc::new(Executor::new(pool.clone(), clock.clone(), domain, Patience::default()));
    let worker = Worker::new(pool.clone(), clock.clone(), random.clone(), Arc::new(OperationJobs { executor }));
    let hub = Arc::new(Hub::default());
    let auth = Arc::new(Auth::new(pool.clone(), clock.clone(), random.clone()));
    let panel = Panel {
        auth: auth.clone(),
        tools,
        hub: hub.clone(),
        db: pool.clone(),
        clock,
        random,
        is_https: config.public_url.scheme() == "https",
        origins: Origins { public: link(config, ""), by_address: config.opens_by_address },
        trusted_proxies: config.trusted_proxies.clone().into(),
        metrics: metrics.clone(),
        metrics_token: config.metrics_token.clone(),
        build: env!("CARGO_PKG_VERSION").into(),
    };
    let router = site(panel, &config.site_dir).with_context(|| {
        format!("reading the browser bundle in {}; `make run` builds it", config.site_dir.display())
    })?;

    let stop = CancellationToken::new();
    let mut parts = tokio::task::JoinSet::new();
    parts.spawn(watcher.run(stop.clone()));
    let observer = Observer { means, world: world.clone() };
    let observed = stop.clone();
    parts.spawn(async move { observer.run(observed).await });
    // Times are kept one by one until somebody counts them into their buckets, scraped or not.
    let counted = stop.clone();
    parts.spawn(async move {
        while tokio::time::timeout(COUNTED, counted.cancelled()).await.is_err() {
            metrics.run_upkeep();
        }
    });
    let tidied = stop.clone();
    parts.spawn(async move { versions.keep_tidy(tidied).await });
    let (told, notified, pool_of_hub) = (stop.clone(), hub.clone(), pool.clone());
    parts.spawn(async move { notified.run(&pool_of_hub, &world, told).await });
    let (worked, work) = (stop.clone(), hub.clone());
    parts.spawn(async move { worker.work(&work.work, worked).await });

    say_link(config, &auth).await?;
    let asked = stop.clone();
    let serving = tokio::spawn(serving::serve(listener, router, serving::Limits::default(), asked));
    // A panel without its watcher or worker looks alive and does nothing: better to end, and to be started again.
    let why = tokio::select! {
        asked = ended() => asked,
        Some(part) = parts.join_next() => Err(match part {
            Ok(()) => anyhow::anyhow!("a part of the panel ended by itself"),
            Err(error) => anyhow::Error::new(error).context("a part of the panel ended by itself"),
        }),
    };
    tracing::info!("ending");
    stop.cancel();
    // Live streams never end by themselves: they are cut when the grace is over.
    let _ = tokio::time::timeout(GRACE, serving).await;
    let _ = tokio::time::timeout(GRACE, async { while parts.join_next().await.is_some() {} }).await;
    why
}

/// Prints the one link: the set-up link on the first run, the panel's address later.
async fn say_link(config: &Config, auth: &Auth) -> anyhow::Result<()> {
    if auth.setup_needed().await? {
        let (token, _) = auth.new_setup_link().await?;
        println!("\n  Open this link to set Summoner up (it can be used once, within an hour):\n");
        println!("  {}\n", link(config, &setup_path(&token)));
    } else {
        println!("\n  Summoner is at {}\n", link(config, "/"));
    }
    Ok(())
}

/// A link into the panel.
pub fn link(config: &Config, path: &str) -> String {
    format!("{}{path}", config.public_url.origin().ascii_serialization())
}

/// The panel's address as seen from this machine.
pub fn own_address(listen: SocketAddr) -> SocketAddr {
    let ip = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    SocketAddr::new(ip, listen.port())
}

/// The built-in entries and those of the configured folder; a wrong entry is left out and said.
fn catalog(config: &Config) -> anyhow::Result<Catalog> {
    let mut catalog = Catalog::embedded();
    if let Some(folder) = &config.catalog_dir {
        catalog.add(Catalog::load(folder).with_context(|| format!("reading the catalogue in {}", folder.display()))?);
    }
    for refused in catalog.refused() {
        let findings = refused.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        tracing::warn!(entry = refused.folder, findings, "a catalogue entry was left out");
    }
    Ok(catalog)
}

/// Registry to the host and port the engine pulls from in its place.
fn mirrors(config: &Config) -> BTreeMap<String, String> {
    let authority = |url: &server::config::Url| match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    config.registries.mirrors.iter().map(|(registry, url)| (registry.clone(), authority(url))).collect()
}

/// Waits for SIGINT or SIGTERM.
async fn ended() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("listening for SIGINT"),
        _ = terminate.recv() => Ok(()),
    }
}

/// Logs to standard error, so that the link is alone on standard output; `RUST_LOG` chooses what.
fn log_to_stderr(format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    // At debug level the engine client writes request bodies, and with them the secrets of containers.
    let quiet = "bollard=info".parse().context("capping the log of the engine client")?;
    let filter = filter.add_directive(quiet);
    let is_terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(is_terminal).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
