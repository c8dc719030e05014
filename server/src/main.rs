//! The command line: reads the configuration, wires the parts together and runs them.

mod serve;
mod terminal;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use server::auth::{Actor, Auth};
use server::catalog::Catalog;
use server::clock::{Clock, Random};
use server::config::{Args, Config};
use server::db;

/// A self-hosted web control panel with which a small team runs its own tools.
#[derive(Parser)]
#[command(name = "summoner", version, propagate_version = true)]
struct CommandLine {
    #[command(flatten)]
    args: Args,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the panel; prints one link when it is ready.
    Serve,
    /// Print a new set-up link, which replaces the ones before.
    SetupLink,
    /// Things that only whoever runs the machine may do.
    Admin {
        #[command(subcommand)]
        command: Admin,
    },
    /// Bring the database's tables up to date, then end.
    Migrate,
    /// Ask the running panel whether it can serve; for container health checks.
    Healthcheck,
    /// Look after catalogue entries.
    Catalog {
        #[command(subcommand)]
        command: CatalogCommand,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Print the version.
    Version,
}

#[derive(Subcommand)]
enum Admin {
    /// Give an account a new password, one line of standard input, and end its sessions.
    ResetPassword {
        /// The account's e-mail address.
        email: String,
    },
}

#[derive(Subcommand)]
enum CatalogCommand {
    /// Check the built-in entries, or those of a folder.
    Check {
        /// A folder with one folder per entry.
        folder: Option<PathBuf>,
    },
    /// Print the JSON Schema of entries, for editors.
    Schema,
}

fn main() -> ExitCode {
    let CommandLine { args, command } = CommandLine::parse();
    match run(&args, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain in one line: what was attempted, and why it failed.
            eprintln!("summoner: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Version => {
            println!("summoner {}", env!("CARGO_PKG_VERSION"));
            return Ok(());
        }
        Command::Openapi => {
            println!("{}", serde_json::to_string_pretty(&server::web::api::whole_document())?);
            return Ok(());
        }
        Command::Catalog { command: CatalogCommand::Check { folder } } => return check_catalog(folder.as_deref()),
        Command::Catalog { command: CatalogCommand::Schema } => {
            println!("{:#}", server::catalog::entry_schema());
            return Ok(());
        }
        Command::Serve | Command::SetupLink | Command::Admin { .. } | Command::Migrate | Command::Healthcheck => {}
    }
    let config = Config::load(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    runtime.block_on(async {
        match command {
            Command::Serve => serve::serve(config).await,
            Command::SetupLink => setup_link(&config).await,
            Command::Admin { command: Admin::ResetPassword { email } } => reset_password(&config, &email).await,
            Command::Migrate => migrate(&config).await,
            Command::Healthcheck => healthcheck(&config).await,
            Command::Version | Command::Openapi | Command::Catalog { .. } => Ok(()),
        }
    })
}

/// The database as it is, beside a panel that may be running.
async fn attached(config: &Config) -> anyhow::Result<(db::Opened, Auth)> {
    let opened = db::attach(config).await?;
    let auth = Auth::new(opened.pool.clone(), Clock::System, Random::System);
    Ok((opened, auth))
}

async fn setup_link(config: &Config) -> anyhow::Result<()> {
    let (opened, auth) = attached(config).await?;
    let made = auth.new_setup_link().await;
    opened.close().await;
    let (token, expires_at) = made?;
    println!("{}", serve::link(config, &server::web::setup_path(&token)));
    eprintln!("It can be used once, until {expires_at}.");
    Ok(())
}

async fn reset_password(config: &Config, email: &str) -> anyhow::Result<()> {
    eprintln!("Type the new password for {email}, then Enter:");
    let password = terminal::read_secret().await.context("reading the password")?;
    let (opened, auth) = attached(config).await?;
    let reset = auth.reset_password(&Actor::command_line(), email, &password).await;
    opened.close().await;
    reset?;
    eprintln!("The password of {email} is changed, and its sessions are ended.");
    Ok(())
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let opened = db::attach(config).await?;
    let migrated = db::migrate(&opened.pool).await;
    opened.close().await;
    migrated?;
    eprintln!("The database is up to date.");
    Ok(())
}

/// Asks `/readyz` on the panel's own address.
async fn healthcheck(config: &Config) -> anyhow::Result<()> {
    let expectation = server::health::probe::Expectation {
        path: "/readyz".to_owned(),
        status: Some(200),
        contains: None,
        timeout: std::time::Duration::from_secs(5),
    };
    server::health::probe::install_crypto();
    let prober = server::health::probe::Prober::new().context("making the client that asks")?;
    prober
        .http(serve::own_address(config.listen), &expectation)
        .await
        .map_err(|problem| anyhow::anyhow!("the panel is not ready: {problem}"))
}

fn check_catalog(folder: Option<&std::path::Path>) -> anyhow::Result<()> {
    let catalog = match folder {
        Some(folder) => Catalog::load(folder).with_context(|| format!("reading {}", folder.display()))?,
        None => Catalog::embedded(),
    };
    let mut findings = 0;
    for refused in catalog.refused() {
        for finding in &refused.findings {
            findings += 1;
            println!("{}: {finding}", refused.folder);
        }
    }
    for (entry, finding) in server::catalog::check_all(&catalog) {
        findings += 1;
        println!("{}: {finding}", entry.id);
    }
    let entries = catalog.iter().count();
    println!("{entries} entries, {findings} findings");
    if findings > 0 {
        bail!("the catalogue has findings")
    }
    Ok(())
}
