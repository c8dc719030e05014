//! Whole entries: read, settled, checked, exported and read again; and files that are refused, each with its place.

use super::compose::{
    ApprovalKind, Condition, Mount, MountKind, MountedFile, Port, Restart, Service, Transport, Ulimit,
};
use super::fields::FieldKind;
use super::units::ByteSize;
use super::*;

const FORGE: &str = include_str!("fixtures/forge.yaml");
const ICON: &str = "<svg xmlns='http://www.w3.org/2000/svg'/>";

fn forge() -> Entry {
    read(FORGE).unwrap_or_else(|findings| panic!("{}", listed(&findings)))
}

fn read(text: &str) -> Result<Entry, Vec<Finding>> {
    Entry::parse("forge", Origin::BuiltIn, text, Some(ICON.to_owned()))
}

fn listed(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}

fn choice() -> Choice {
    let publication = |port| Publication { address: Some("127.0.0.1".parse().unwrap()), port };
    let digest = Some(format!("sha256:{}", "ab".repeat(32)));
    Choice {
        tool: "code".to_owned(),
        url: "https://code.example.org".to_owned(),
        host: "code.example.org".to_owned(),
        time_zone: "Europe/Paris".to_owned(),
        images: [("app".to_owned(), ChosenImage { tag: "1.26.0-rootless".to_owned(), digest })].into_iter().collect(),
        publish: [("web".to_owned(), publication(8080))].into_iter().collect(),
        answers: [("ADMIN_EMAIL", "ana$x@example.org"), ("MAIL_PASSWORD", r#"it's "a" \ $HOME #1"#)]
            .into_iter()
            .collect(),
        secrets: [("DB_PASSWORD", "Db5ecret"), ("ADMIN_PASSWORD", "Adm1n"), ("SESSION_KEY", "c2Vzc2lvbg==")]
            .into_iter()
            .collect(),
    }
}

fn service<'compose>(compose: &'compose Compose, name: &str) -> &'compose Service {
    compose.service(name).unwrap()
}

fn environment<'compose>(service: &'compose Service, name: &str) -> Option<&'compose str> {
    service.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn an_entry_says_what_it_is() {
    let entry = forge();
    assert_eq!(entry.about.name, "Forge");
    assert_eq!(entry.about.tagline.in_language("fr-CA"), "Forge Git avec tickets et relectures");
    assert_eq!(entry.about.needs.memory, ByteSize(512 << 20));
    assert_eq!(entry.about.needs.sysctls["vm.max_map_count"], 262_144);
    assert_eq!(entry.tool_image(), Some("app"));
    assert_eq!(entry.leading_image("worker"), "app");
    assert_eq!(entry.default_tag("worker"), Some("1.27.2"));
    assert_eq!(entry.repository("app").as_deref(), Some("forge/forge"));
    assert_eq!(entry.repository("worker").as_deref(), Some("forge/worker"));
    assert_eq!(entry.services_of("db"), ["db"]);
    assert_eq!(entry.primary().unwrap().name, "web");
    assert_eq!(entry.about.images.keys().collect::<Vec<_>>(), ["app", "worker", "db"]);
    assert!(entry.about.images["app"].keep_variant);
    assert_eq!(entry.about.fields["ADMIN_EMAIL"].kind, FieldKind::Email);
    assert_eq!(entry.about.sso.as_ref().unwrap().client.backchannel_logout, None);
}

#[test]
fn a_good_entry_has_no_problems_and_is_supported() {
    assert_eq!(listed(&forge().problems()), "");
    assert_eq!(forge().grade(), Grade::Supported);
    assert_eq!(Entry { origin: Origin::Own, ..forge() }.grade(), Grade::Community);
}

#[test]
fn an_entry_settles_into_all_that_the_engine_needs() {
    let compose = forge().settle(&choice()).unwrap();
    let app = service(&compose, "app");
    assert_eq!(app.image, format!("forge/forge:1.26.0-rootless@sha256:{}", "ab".repeat(32)));
    assert_eq!(app.command.as_deref().unwrap(), ["forge", "web", "--name", "the $forge"]);
    assert_eq!(environment(app, "FORGE__database__URL"), Some("postgres://forge:Db5ecret@db/forge"));
    assert_eq!(environment(app, "FORGE__admin__EMAIL"), Some("ana$x@example.org"));
    assert_eq!(environment(app, "FORGE__service__CLOSED"), Some("closed"));
    assert_eq!(environment(app, "TZ"), Some("Europe/Paris"));
    let web = Port {
        host_ip: Some("127.0.0.1".parse().unwrap()),
        host_port: Some(8080),
        container_port: 3000,
        protocol: Transport::Tcp,
    };
    assert_eq!(app.ports, [web]);
    assert_eq!(app.depends_on, [("db".to_owned(), Condition::Healthy)]);
    assert_eq!(
        app.volumes,
        [
            Mount { kind: MountKind::Volume("data".to_owned()), target: "/data".to_owned(), read_only: false },
            Mount {
                kind: MountKind::Tmpfs { size: Some(ByteSize(64 << 20)), mode: Some(0o1777) },
                target: "/tmp".to_owned(),
                read_only: false,
            },
        ]
    );
    let ini = MountedFile {
        name: "app-ini".to_owned(),
        target: "/etc/forge/app.ini".to_owned(),
        mode: 0o440,
        uid: None,
        gid: None,
        content: "[server]\nDOMAIN = code.example.org\nCOST = 5$\n".to_owned(),
        secret: false,
    };
    assert_eq!(app.files[0], ini);
    assert_eq!(
        (app.files[1].target.as_str(), app.files[1].content.as_str()),
        ("/run/secrets/session-key", "c2Vzc2lvbg==")
    );
    assert_eq!(app.networks[0].aliases, ["forge"]);
    assert_eq!(app.extra_hosts, [("host.docker.internal".to_owned(), "host-gateway".to_owned())]);
    assert_eq!(app.restart, Restart::UnlessStopped);
    assert_eq!(app.stop_grace_period.unwrap().as_secs(), 90);
    assert_eq!(app.ulimits[0], Ulimit { name: "nofile".to_owned(), soft: 1024, hard: 65_536 });
    assert_eq!((app.cpus, app.mem_limit), (Some(1.5), Some(ByteSize(1 << 30))));
    assert_eq!(app.healthcheck.as_ref().unwrap().retries, Some(5));

    let worker = service(&compose, "worker");
    assert_eq!(worker.image, "forge/worker:1.26.0-rootless", "it follows the tag, and has a digest of its own");
    assert_eq!(environment(worker, "DB_PASSWORD"), Some("Db5ecret"));
    assert_eq!(environment(worker, "QUEUE"), Some("redis://x?a=b"));
    assert_eq!(worker.restart, Restart::OnFailure(Some(3)));
    assert_eq!(worker.healthcheck.as_ref().unwrap().test, ["NONE"]);

    let db = service(&compose, "db");
    assert_eq!(db.image, "postgres:17.11");
    assert_eq!(db.healthcheck.as_ref().unwrap().test, ["CMD-SHELL", "pg_isready -U forge"]);
    assert!(compose.networks.iter().any(|network| network.name == "back" && network.internal));
    assert!(compose.networks.iter().any(|network| network.name == "default"));
    let order: Vec<_> = compose.start_order().unwrap().iter().map(|service| service.name.as_str()).collect();
    assert_eq!(order, ["db", "app", "worker"]);
}

#[test]
fn nothing_that_is_answered_replaces_what_only_summoner_decides() {
    let mut choice = choice();
    choice.answers.extend([("SUMMONER_URL", "https://evil.example"), ("DB_VERSION", "evil"), ("WEB_PORT", "1")]);
    let compose = forge().settle(&choice).unwrap();
    assert_eq!(environment(service(&compose, "app"), "FORGE__server__ROOT_URL"), Some("https://code.example.org"));
    assert_eq!(service(&compose, "db").image, "postgres:17.11");
    assert_eq!(service(&compose, "app").ports[0].host_port, Some(8080));
}

#[test]
fn a_missing_value_is_found_where_the_file_asks_for_it() {
    let mut choice = choice();
    choice.secrets.remove("DB_PASSWORD");
    let findings = forge().settle(&choice).unwrap_err();
    assert_eq!(findings.len(), 2, "{}", listed(&findings));
    assert_eq!(findings[0].path, "services.app.environment.FORGE__database__PASSWD");
    assert!(findings[0].line > 0 && findings[0].message.contains("DB_PASSWORD has no value"));
}

#[test]
fn s25_secrets_do_not_show_when_things_are_printed() {
    let (entry, choice) = (forge(), choice());
    let compose = entry.settle(&choice).unwrap();
    let export = entry.export(&choice).unwrap();
    let shown = format!("{choice:?} {compose:?} {:?} {export:?}", entry.values(&choice));
    for secret in ["Db5ecret", "Adm1n", "c2Vzc2lvbg", "it's"] {
        assert!(!shown.contains(secret), "{secret} shows in {shown}");
    }
    assert!(!export.compose.contains("Db5ecret") && export.environment.contains("DB_PASSWORD='Db5ecret'"));
}

#[test]
fn an_export_reads_back_as_the_model_that_runs() {
    exports_and_reads_back(&forge(), &choice());
}

#[test]
fn every_entry_that_comes_with_the_program_exports_and_reads_back() {
    for entry in Catalog::embedded().iter() {
        exports_and_reads_back(entry, &entry.sample());
    }
}

fn exports_and_reads_back(entry: &Entry, choice: &Choice) {
    let export = entry.export(choice).unwrap();
    let values: Values = export.environment.lines().map(read_environment_line).collect();
    let file =
        ComposeFile::parse(&export.compose).unwrap_or_else(|found| panic!("{}{}", export.compose, listed(&found)));
    let (again, expected) = (file.resolve(&values).unwrap(), entry.settle(choice).unwrap());
    assert_eq!(again.networks, expected.networks);
    assert_eq!(again.volumes, expected.volumes);
    for (again, expected) in again.services.iter().zip(&expected.services) {
        assert_eq!(again.environment, expected.environment);
        assert_eq!(again.volumes, expected.volumes);
        assert_eq!(again.healthcheck, expected.healthcheck);
        let contents = |service: &Service| service.files.iter().map(|file| file.content.clone()).collect::<Vec<_>>();
        assert_eq!(contents(again), contents(expected));
        assert!(again == expected, "{} differs in\n{}", expected.name, export.compose);
    }
    assert_eq!(again.services.len(), expected.services.len());
}

#[test]
fn a_follower_of_the_same_image_is_pinned_to_the_same_digest() {
    let same = FORGE.replace("forge/worker:", "forge/forge:");
    let compose = read(&same).unwrap().settle(&choice()).unwrap();
    assert_eq!(service(&compose, "worker").image, service(&compose, "app").image);
    assert!(service(&compose, "worker").image.contains("@sha256:"));
}

/// The reader of Docker Compose's environment files for what we write (compose-go, `dotenv/parser.go`).
fn read_environment_line(line: &str) -> (String, String) {
    let (name, value) = line.split_once('=').unwrap();
    let inner = &value[1..value.len() - 1];
    if value.starts_with('\'') {
        return (name.to_owned(), inner.to_owned());
    }
    let mut read = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        read.push(match (letter, letter == '\\') {
            (_, true) => match letters.next().unwrap() {
                'n' => '\n',
                'r' => '\r',
                other => other,
            },
            (letter, _) => letter,
        });
    }
    (name.to_owned(), read)
}

#[test]
fn values_are_quoted_as_compose_reads_them() {
    for (value, quoted) in [
        ("plain", "'plain'"),
        ("a $b #c \"d\"", "'a $b #c \"d\"'"),
        ("it's", "\"it's\""),
        ("it's $5", "\"it's \\$5\""),
        ("back\\", "\"back\\\\\""),
        ("two\nlines", "\"two\\nlines\""),
    ] {
        assert_eq!(export::quote_environment(value), quoted);
    }
}

#[test]
fn an_imported_file_gives_its_form_and_what_it_asks_for() {
    let file = ComposeFile::parse(
        "version: '3'\nservices:\n  web:\n    image: x/y:${TAG:-1.0}\n    ports: ['${PORT:?which port}:80']\n    \
         privileged: true\n    network_mode: host\n    devices: [/dev/dri]\n    cap_add: [NET_ADMIN, CHOWN]\n    \
         security_opt: ['seccomp:unconfined', 'no-new-privileges:true']\n    \
         volumes: ['/srv/data:/data:ro', '/var/run/docker.sock:/s', 'named:/n', /lost]\nvolumes:\n  named: { external: true }\n",
    )
    .unwrap();
    let kinds: Vec<_> = file.approvals().iter().map(|approval| approval.kind).collect();
    use ApprovalKind::*;
    for kind in [Privileged, HostNetwork, Device, Capability, Unconfined, HostPath, Socket, External, Fleeting] {
        assert_eq!(kinds.iter().filter(|known| **known == kind).count(), 1, "{kind:?} in {kinds:?}");
    }
    let variables = file.variables();
    assert_eq!((variables[0].name.as_str(), variables[0].default.as_deref()), ("TAG", Some("1.0")));
    assert_eq!((variables[1].name.as_str(), variables[1].required, variables[1].line), ("PORT", true, 5));
    assert_eq!(file.resolve(&Values::new()).unwrap_err()[0].line, 5);
    let values = [("PORT", "81")].into_iter().collect();
    assert_eq!(file.resolve(&values).unwrap().services[0].ports[0].host_port, Some(81));
}

#[test]
fn s7_what_a_value_brings_in_needs_its_approval_too() {
    let file = ComposeFile::parse("services:\n  a:\n    image: a:1\n    volumes: ['${DATA}:/data']\n").unwrap();
    assert!(file.approvals().is_empty());
    let values = [("DATA", "/etc")].into_iter().collect();
    assert_eq!(file.resolve(&values).unwrap().approvals[0].kind, ApprovalKind::HostPath);
}

#[test]
fn s14_files_are_refused_at_the_place_of_their_fault() {
    let service = |lines: &str| format!("services:\n  app:\n    image: a/b:1\n    {lines}\n");
    let long = "n".repeat(300);
    for (file, line, column, part) in [
        (service("build: ."), 4, 5, "“build” builds an image"),
        (service("extends: { service: x }"), 4, 5, "“extends” takes"),
        (service("env_file: .env"), 4, 5, "“env_file” reads"),
        (service("profiles: [a]"), 4, 5, "“profiles” starts"),
        (service("develop: {}"), 4, 5, "“develop” is for"),
        (service("container_name: x"), 4, 5, "“container_name” names"),
        (service("pid: host"), 4, 5, "“pid” shares"),
        (service("comand: x"), 4, 5, "“comand” of a service is not supported"),
        (service("ports: [80, '70000:80']"), 4, 17, "“70000” is not a port"),
        (service("ports: [{ published: 80 }]"), 4, 13, "port of the container is missing"),
        (service("volumes: ['./x:/y']"), 4, 15, "path beside the file"),
        (service("volumes: ['~/x:/y']"), 4, 15, "path beside the file"),
        (service("volumes: ['/a/../..:/y']"), 4, 15, "path beside the file"),
        (service("volumes: ['data:/y']"), 4, 14, "“data” is not declared"),
        (service("volumes: ['data:y']"), 4, 15, "not a path in the container"),
        (service("networks: [front]"), 4, 15, "“front” is not declared"),
        (service("depends_on: [db]"), 4, 17, "no service “db”"),
        (service("depends_on: [app]"), 2, 3, "app → app"),
        (service("environment: ['A B=c']"), 4, 19, "“A B” is not a name"),
        (service("environment: { A: [1] }"), 4, 23, "a text is expected"),
        (service("restart: sometimes"), 4, 14, "not a restart policy"),
        (service("mem_limit: much"), 4, 16, "“much” is not a size"),
        (service("healthcheck: { test: [curl] }"), 4, 26, "starts with CMD"),
        (service("healthcheck: { interval: 10 }"), 4, 30, "“10” is not a duration"),
        (service("read_only: yes"), 4, 16, "neither true nor false"),
        (service("labels: { com.docker.compose.project: x }"), 4, 13, "set by Summoner itself"),
        (service("configs: [a]"), 4, 15, "“a” is not declared"),
        (service("command: \"a 'b\""), 4, 14, "not closed"),
        (service("hostname: ${A"), 4, 15, "not closed"),
        (service("hostname: $"), 4, 15, "Write $$"),
        (service("tmpfs: x"), 4, 12, "not a path in the container"),
        (service("configs: [{ source: a, mode: 440 }]"), 4, 34, "digits after a zero"),
        ("services:\n  app: {}\n".to_owned(), 2, 3, "has no image"),
        ("services:\n  App: { image: a }\n".to_owned(), 2, 3, "“App” is not a name"),
        (format!("services:\n  {long}: {{ image: a }}\n"), 2, 3, "not a name for a service"),
        ("services:\n  é: { image: a }\n".to_owned(), 2, 3, "“é” is not a name"),
        ("services:\n  a: { image: -x }\n".to_owned(), 2, 15, "not the name of an image"),
        ("services: []\n".to_owned(), 1, 11, "a map of keys"),
        ("services: {}\n".to_owned(), 1, 11, "no service here"),
        ("volumes: {}\n".to_owned(), 1, 1, "no services"),
        ("include: [a]\nservices: { a: { image: a } }\n".to_owned(), 1, 1, "“include” reads"),
        ("servces: {}\nservices: { a: { image: a } }\n".to_owned(), 1, 1, "“servces” is not known"),
        (service("image: b"), 4, 5, "second time"),
        (
            "services: { a: { image: a } }\nvolumes: { v: { driver_opts: { device: / } } }\n".to_owned(),
            2,
            17,
            "“driver_opts”",
        ),
        (
            "services: { a: { image: a } }\nvolumes: { v: { name: x } }\n".to_owned(),
            2,
            15,
            "names networks and volumes",
        ),
        (
            "services: { a: { image: a } }\nconfigs: { c: { file: /etc/shadow } }\n".to_owned(),
            2,
            23,
            "outside this file",
        ),
        ("services: { a: { image: a } }\nsecrets: { c: { external: true } }\n".to_owned(), 2, 27, "outside this file"),
    ] {
        let findings = ComposeFile::parse(&file).expect_err(&file);
        let found = findings.iter().any(|f| (f.line, f.column) == (line, column) && f.message.contains(part));
        assert!(found, "{file}expected {line}:{column} {part}, found\n{}", listed(&findings));
    }
}

#[test]
fn all_that_is_wrong_is_found_at_once() {
    let file =
        "services:\n  a:\n    imag: x\n    ports: [a, b]\n    restart: x\n  b:\n    image: 'a b'\n    foo: 1\nbar: 2\n";
    let findings = ComposeFile::parse(file).unwrap_err();
    let lines: Vec<_> = findings.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [2, 3, 4, 4, 5, 7, 8, 9], "{}", listed(&findings));
}

#[test]
fn wrong_parts_of_an_entry_are_refused_at_their_place() {
    for (from, to, path, part) in [
        ("category: code", "category: games", "x-summoner.category", "“games” is not known here"),
        ("licence: MIT", "license: MIT", "x-summoner.license", "“license” is not known"),
        ("licence: MIT", "license: MIT", "x-summoner", "“licence” is missing"),
        ("memory: 512M", "memory: some", "x-summoner.needs.memory", "“some” is not a size"),
        ("length: 20", "length: 3", "x-summoner.generated.ADMIN_PASSWORD.length", "not between 8 and 256"),
        ("length: 20", "length: x", "x-summoner.generated.ADMIN_PASSWORD.length", "a whole number"),
        ("port: 22,", "port: 70000,", "x-summoner.expose[1].port", "a whole number in range"),
        ("type: email", "type: mail", "x-summoner.fields.ADMIN_EMAIL.type", "“mail” is not known here"),
        ("grace: 60s", "grace: 60", "x-summoner.health[0].grace", "“60” is not a duration"),
        ("tags: '^17", "tags: '17", "x-summoner.images.db.tags", "not anchored"),
        ("kind: base64", "kind: [base64]", "x-summoner.generated.SESSION_KEY.kind", "Here stands a list"),
        ("keywords: [git, forge, ci]", "keywords: git", "x-summoner.keywords", "a list is expected"),
        ("engine: postgres,", "engine: postgres, usr: x,", "x-summoner.backup.dumps[0].usr", "“usr” is not known"),
        ("x-summoner:\n", "x-other:\n", "", "no “x-summoner”"),
    ] {
        assert!(FORGE.contains(from), "{from}");
        let findings = read(&FORGE.replacen(from, to, 1)).expect_err(to);
        let found =
            findings.iter().any(|f| f.path == path && f.message.contains(part) && (f.line > 0 || path.is_empty()));
        assert!(found, "{to}: expected {path}: {part}, found\n{}", listed(&findings));
    }
    let short = read("x-summoner: { backup: none }\nservices: { a: { image: a } }\n").unwrap_err();
    assert!(listed(&short).contains("backup: { none: {"), "{}", listed(&short));
    let several =
        FORGE.replace("type: email", "type: mail").replace("kind: base64", "kind: b").replace("port: 22,", "port: x,");
    assert_eq!(read(&several).unwrap_err().len(), 3);
}

#[test]
fn what_keeps_an_entry_from_being_supported_is_found() {
    for (from, to, part) in [
        ("schema: 1", "schema: 2", "The format 2"),
        ("fr: Inscription", "fr: ''", "missing in “fr”"),
        ("Git hosting with issues and reviews", &"x".repeat(61), "61 characters"),
        ("tool: true", "tool: false", "0 images say"),
        ("worker: { follows: app }", "worker: { follows: cron }", "follows “cron”"),
        ("worker: { follows: app }", "worker: { follows: app, default: x }", "no version of its own"),
        ("default: \"1.27.2\"", "default: latest", "“latest” moves"),
        ("default: \"17.11\"", "default: \"17\"", "“17” moves"),
        ("default: \"17.11\"", "default: \"18.1\"", "does not match “tags”"),
        ("release: [\"17.11\"]", "release: [\"18.0\"]", "“18.0” does not match"),
        ("other: [latest", "other: [1.0.0", "“1.0.0” is no release"),
        ("{ \"\": { en: Standard", "{ \"-slim\": { en: Standard", "The variant “” of the default"),
        ("rule: stop-at, version: \"1.21.0\"", "rule: stop-at", "where to stop"),
        ("version: \"1.21.0\"", "version: \"1.21\"", "No tag of the version"),
        ("forge/forge:${APP_VERSION:-1.27.2}", "forge/forge:1.27.2", "Nobody decides its version"),
        ("forge/forge:${APP_VERSION:-1.27.2}", "forge/forge:${APP_VERSION:-1.27.1}", "Without Summoner"),
        ("default: closed", "default: ajar", "“ajar” is not one of the choices"),
        ("type: password,", "type: password, default: hunter22,", "known to everybody"),
        ("REGISTRATION:-closed", "OTHER:-closed", "Nothing uses “REGISTRATION”"),
        ("REGISTRATION:-closed", "OTHER:-closed", "Nobody gives “OTHER”"),
        ("${MAIL_PASSWORD:-}", "${MAIL_PASSWORD:?}", "its field may stay empty"),
        ("${MAIL_PASSWORD:-}", "hunter22", "stands in the file"),
        ("POSTGRES_PASSWORD=${DB_PASSWORD:?}", "POSTGRES_PASSWORD=${P:-postgres}", "stands in the file"),
        ("service: app, port: 22,", "service: ssh, port: 22,", "no service “ssh”"),
        ("service: app, port: 22,", "service: app, port: 23,", "does not publish it"),
        ("service: app, port: 22,", "service: app, port: 23,", "The port 22 has no name"),
        ("${SSH_PORT:-2222}:22", "2222:22", "Its published port is fixed"),
        ("optional: true", "primary: true", "More than one port"),
        ("http: /api/healthz, port: 3000, expect: 200, grace", "port: 3000, grace", "how to check"),
        ("password: ADMIN_PASSWORD", "password: NOBODY", "“NOBODY”"),
        ("volumes: { data: { exclude", "volumes: { dato: { exclude", "no volume “dato”"),
        ("engine: postgres,", "engine: sqlite,", "“file” belongs"),
        ("service: db, at_least: 0", "service: app, at_least: 0", "asked of a dump"),
        ("[forge, admin, regenerate, hooks]", "[]", "nothing to run"),
        ("consistency: hot", "none: { en: a, fr: b }", "Either something is kept"),
        ("cap_add: [CHOWN, ", "cap_add: [SYS_ADMIN, ", "reaches past its container"),
        ("- data:/data", "- /srv:/data", "may read and change “/srv”"),
        ("redirect: [\"{url}/user/oauth2/keycloak/callback\"]", "redirect: []", "an address to return to"),
        ("apply: { exec:", "apply: { manual: { en: By hand }, exec:", "missing in “fr”"),
        ("sends: {", "sends: { configure: { manual: { en: By hand } },", "missing in “fr”"),
        ("kind: base64, length: 32", "kind: argon2", "Name a generated one in “of”"),
        ("kind: base64, length: 32", "kind: argon2, of: SESSION_KEY", "Name a generated one in “of”"),
        ("kind: base64, length: 32", "kind: base64, of: DB_PASSWORD", "Leave “of” out"),
    ] {
        assert!(FORGE.contains(from), "{from}");
        let entry = read(&FORGE.replacen(from, to, 1)).unwrap_or_else(|found| panic!("{to}: {}", listed(&found)));
        let problems = entry.problems();
        let found = problems.iter().any(|f| f.message.contains(part) && f.line > 0);
        assert!(found, "{to}: expected {part}, found\n{}", listed(&problems));
        assert_eq!(entry.grade(), Grade::Community);
    }
    let bare = forge();
    let health = Entry { about: About { health: Vec::new(), ..bare.about.clone() }, ..bare };
    assert_eq!(listed(&health.problems()), "", "its container has a check of its own");
    let without = FORGE.replace("  backup:\n", "  x-old:\n").replace("  health:\n    - {", "  health: []\n  # {");
    assert!(read(&without).is_err(), "unknown keys are refused under x-summoner, extensions too");
}

/// Folders that images declare as volumes, by how the image's name begins. What an entry does not mount there would be
/// kept in a volume without a name; an install refuses to make such a container.
const KEPT_BY_IMAGES: [(&str, &[&str]); 14] = [
    ("postgres:17.", &["/var/lib/postgresql/data"]),
    ("postgres:18.", &["/var/lib/postgresql"]),
    ("mariadb:", &["/var/lib/mysql"]),
    ("redis:", &["/data"]),
    ("valkey/valkey:", &["/data"]),
    ("mongo:", &["/data/db", "/data/configdb"]),
    ("wordpress:", &["/var/www/html"]),
    ("nextcloud:", &["/var/www/html"]),
    ("registry:", &["/var/lib/registry"]),
    ("prom/prometheus:", &["/prometheus"]),
    ("gitea/gitea:", &["/data"]),
    ("vaultwarden/server:", &["/data"]),
    ("louislam/uptime-kuma:", &["/app/data"]),
    ("mattermost/", &["/mattermost/config", "/mattermost/data", "/mattermost/logs", "/mattermost/plugins"]),
];

#[test]
fn the_entries_mount_something_wherever_their_images_keep_data() {
    let catalog = Catalog::embedded();
    let mut seen = std::collections::BTreeSet::new();
    for entry in catalog.iter() {
        let compose = entry.settle(&entry.sample()).unwrap_or_else(|found| panic!("{}: {}", entry.id, listed(&found)));
        for service in &compose.services {
            for (image, folders) in KEPT_BY_IMAGES.iter().filter(|(image, _)| service.image.starts_with(image)) {
                seen.insert(*image);
                for folder in *folders {
                    let is_mounted = service.volumes.iter().any(|mount| mount.target == *folder);
                    assert!(is_mounted, "{}: {} keeps data in {folder}", entry.id, service.name);
                }
            }
        }
    }
    assert_eq!(seen.len(), KEPT_BY_IMAGES.len(), "{seen:?}");
}

#[test]
fn an_icon_that_acts_is_refused() {
    for icon in ["<svg onload='x'/>", "<svg><script/></svg>", "<svg><a href=\"http://x\"/></svg>", "<html/>"] {
        let entry = Entry { icon: Some(icon.to_owned()), ..forge() };
        assert!(listed(&entry.problems()).contains("no plain drawing"), "{icon}");
    }
    assert!(listed(&Entry { icon: None, ..forge() }.problems()).contains("no icon.svg"));
}

/// Pieces that matter to one of the readers.
const TOKENS: [&str; 30] = [
    "\n",
    "  ",
    "\t",
    ": ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "\"",
    "'",
    "#",
    "|\n",
    ">",
    "~",
    "$",
    "${",
    "${A:-",
    "}",
    "$$",
    ":",
    "é\u{0}",
    "\u{e000}",
    "services:\n",
    "99999999999999999999",
];

proptest::proptest! {
    #[test]
    fn no_damage_to_an_entry_makes_a_reader_panic(
        edits in proptest::collection::vec((0_usize..6_000, 0_usize..40, 0_usize..31), 1..6),
    ) {
        let mut text: Vec<char> = FORGE.chars().collect();
        for (at, cut, token) in edits {
            let at = at % text.len();
            let end = (at + cut).min(text.len());
            let token = TOKENS.get(token).copied().unwrap_or_default();
            text.splice(at..end, token.chars());
        }
        let text: String = text.into_iter().collect();
        match read(&text) {
            Ok(entry) => {
                entry.problems();
                if entry.export(&choice()).is_ok() {
                    exports_and_reads_back(&entry, &choice());
                }
            }
            Err(findings) => {
                let lines = text.split('\n').count() + 1;
                proptest::prop_assert!(!findings.is_empty());
                proptest::prop_assert!(findings.iter().all(|finding| finding.line <= lines && !finding.message.is_empty()));
            }
        }
    }
}
