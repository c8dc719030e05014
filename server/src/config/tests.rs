use std::collections::HashMap;

use secrecy::ExposeSecret as _;

use super::*;

fn read(args: &Args, variables: &[(&str, &str)]) -> Result<Config, Error> {
    let variables: HashMap<String, OsString> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
    Config::read(args, move |name| {
        variables.get(name).cloned().or_else(|| (name == "HOME").then(|| OsString::from("/home/ada")))
    })
}

/// Arguments that name a settings file with this text; the file is gone with them.
struct Written {
    args: Args,
    folder: PathBuf,
}

impl std::ops::Deref for Written {
    type Target = Args;

    fn deref(&self) -> &Args {
        &self.args
    }
}

impl std::ops::DerefMut for Written {
    fn deref_mut(&mut self) -> &mut Args {
        &mut self.args
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn file(name: &str, text: &str) -> Written {
    let folder = std::env::temp_dir().join(format!("summoner-config-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    Written { args: Args { config: Some(path), ..Args::default() }, folder }
}

#[test]
fn every_setting_has_a_default_that_works() {
    let config = read(&Args::default(), &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8300");
    assert_eq!(config.public_url.as_str(), "http://localhost:8300/");
    assert_eq!(config.key_file, config.data_dir.join("key"));
    assert!(config.site_dir.ends_with("site") && config.site_dir.is_absolute());
    assert!(config.database_url.is_none() && config.docker_host.is_none() && config.trusted_proxies.is_empty());
    assert!(!config.node.is_empty());
}

#[test]
fn a_flag_beats_the_environment_and_the_environment_beats_the_file() {
    let mut args = file("order.toml", "listen = \"127.0.0.1:1\"\n");
    assert_eq!(read(&args, &[]).unwrap().listen.port(), 1);
    assert_eq!(read(&args, &[("SUMMONER_LISTEN", "127.0.0.1:2")]).unwrap().listen.port(), 2);
    args.listen = Some("127.0.0.1:3".to_owned());
    assert_eq!(read(&args, &[("SUMMONER_LISTEN", "127.0.0.1:2")]).unwrap().listen.port(), 3);
}

#[test]
fn an_error_names_the_flag_the_variable_or_the_line() {
    let flag = Args { listen: Some("here".to_owned()), ..Args::default() };
    assert!(read(&flag, &[]).unwrap_err().to_string().starts_with("--listen: \"here\" is not an address"));
    let variable = read(&Args::default(), &[("SUMMONER_PUBLIC_URL", "ftp://x")]).unwrap_err();
    assert!(variable.to_string().starts_with("SUMMONER_PUBLIC_URL: \"ftp://x\" is not"));
    let line = read(&file("line.toml", "node = \"a\"\n\nlisten = \"x\"\n"), &[]).unwrap_err();
    assert!(line.to_string().contains("line.toml:3: \"x\" is not an address"), "{line}");
    let unknown = read(&file("unknown.toml", "node = \"a\"\nlisten_on = \"x\"\n"), &[]).unwrap_err();
    assert!(unknown.to_string().contains("unknown.toml:2: unknown field `listen_on`"), "{unknown}");
    let absent = Args { config: Some("/nowhere/summoner.toml".into()), ..Args::default() };
    assert!(read(&absent, &[]).unwrap_err().to_string().contains("--config: the file /nowhere/summoner.toml"));
}

#[test]
fn a_secret_may_lie_in_a_file_of_its_own() {
    let url = "postgres://panel:s3cret@db/panel";
    let named = file("secret.toml", "database_url_file = \"database-url\"\n");
    let path = named.folder.join("database-url");
    std::fs::write(&path, format!("{url}\n")).unwrap();
    let variables = [("SUMMONER_DATABASE_URL_FILE", path.to_str().unwrap())];
    let config = read(&Args::default(), &variables).unwrap();
    assert_eq!(config.database_url.as_ref().unwrap().expose_secret(), url);
    assert!(!format!("{config:?}").contains("s3cret"));
    assert_eq!(read(&named, &[]).unwrap().database_url.unwrap().expose_secret(), url);
    let plain = read(&Args::default(), &[("DATABASE_URL", url)]).unwrap();
    assert_eq!(plain.database_url.unwrap().expose_secret(), url);
}

#[test]
fn registries_are_read_from_tables_lists_and_flags() {
    let text =
        "[registries.\"docker.io\"]\nmirror = \"http://127.0.0.1:5000\"\n[registries.\"lab:5000\"]\ninsecure = true\n";
    let mut args = file("registries.toml", text);
    let registries = read(&args, &[]).unwrap().registries;
    assert_eq!(registries.mirrors["docker.io"].as_str(), "http://127.0.0.1:5000/");
    assert!(registries.insecure.contains("lab:5000") && registries.insecure.len() == 1);
    let listed = [("SUMMONER_REGISTRY_MIRRORS", "docker.io=http://a:1, ghcr.io=https://b")];
    let registries = read(&args, &listed).unwrap().registries;
    assert_eq!(registries.mirrors.keys().collect::<Vec<_>>(), ["docker.io", "ghcr.io"]);
    args.registry_mirrors = vec!["docker.io".to_owned()];
    let error = read(&args, &listed).unwrap_err().to_string();
    assert!(error.starts_with("--registry-mirror: \"docker.io\" is not a registry and its mirror"), "{error}");
}

#[test]
fn the_public_address_follows_the_address_answered_on() {
    let cases = [
        ("127.0.0.1:8300", "http://localhost:8300/"),
        ("0.0.0.0:80", "http://lab/"),
        ("[::]:9000", "http://lab:9000/"),
        ("192.168.1.2:8300", "http://192.168.1.2:8300/"),
        ("[fd00::1]:8300", "http://[fd00::1]:8300/"),
    ];
    for (listen, expected) in cases {
        let config = read(&Args::default(), &[("SUMMONER_LISTEN", listen), ("SUMMONER_NODE", "lab")]).unwrap();
        assert_eq!(config.public_url.as_str(), expected, "{listen}");
    }
}

#[test]
fn an_empty_variable_counts_as_absent() {
    let config = read(&Args::default(), &[("SUMMONER_LISTEN", ""), ("DOCKER_HOST", "")]).unwrap();
    assert_eq!((config.listen.port(), config.docker_host), (8300, None));
}

#[test]
fn the_engine_is_named_by_either_variable_with_a_known_scheme() {
    let own = [("DOCKER_HOST", "tcp://a:2376"), ("SUMMONER_DOCKER_HOST", "unix:///run/docker.sock")];
    assert_eq!(read(&Args::default(), &own).unwrap().docker_host.unwrap(), "unix:///run/docker.sock");
    assert_eq!(read(&Args::default(), &own[..1]).unwrap().docker_host.unwrap(), "tcp://a:2376");
    assert!(read(&Args::default(), &[("DOCKER_HOST", "/run/docker.sock")]).is_err());
}

#[test]
fn private_hosts_token_services_and_fallbacks_are_read_from_tables_and_lists() {
    let text = "[registries.\"docker.io\"]\nmirror = \"http://127.0.0.1:5000\"\nfallback = true\n\
                [registries.\"git.lan:5000\"]\nprivate = true\ntoken_services = [\"auth.example.org\"]\n";
    let args = file("private.toml", text);
    let registries = read(&args, &[]).unwrap().registries;
    assert!(registries.fallbacks.contains("docker.io") && registries.private.contains("git.lan:5000"));
    assert!(registries.token_services["git.lan:5000"].contains("auth.example.org"));
    let listed = [
        ("SUMMONER_PRIVATE_REGISTRIES", "a.lan, b.lan:5000"),
        ("SUMMONER_TOKEN_SERVICES", "a.lan=auth.lan,a.lan=other.lan"),
        ("SUMMONER_MIRROR_FALLBACKS", "ghcr.io"),
    ];
    let registries = read(&args, &listed).unwrap().registries;
    assert_eq!(registries.private.iter().collect::<Vec<_>>(), ["a.lan", "b.lan:5000"]);
    assert_eq!(registries.token_services["a.lan"].len(), 2);
    assert_eq!(registries.fallbacks.iter().collect::<Vec<_>>(), ["ghcr.io"]);
    let wrong = Args { token_services: vec!["a.lan=http://auth.lan".to_owned()], ..Args::default() };
    let error = read(&wrong, &[]).unwrap_err().to_string();
    assert!(error.starts_with("--token-service: \"http://auth.lan\" is not a host without port"), "{error}");
}

#[test]
fn a_data_folder_that_is_there_is_closed_to_others() {
    let folder = std::env::temp_dir().join(format!("summoner-config-{}-open", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mode = || std::fs::metadata(&folder).unwrap().mode() & 0o7777;
    let open_to = |mode| std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
    let config = read(&Args { data_dir: Some(folder.clone()), ..Args::default() }, &[]).unwrap();
    let closed = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
    for (before, after) in [(0o755, closed), (0o700, 0o700), (0o1777, 0o1777)] {
        open_to(before);
        config.make_data_dir().unwrap();
        assert_eq!(mode(), after, "from {before:o}");
    }
    std::fs::remove_dir(&folder).unwrap();
}
