//! What a tool was told to be, and the container specifications that follow from it.
//!
//! A [`Definition`] is one revision of a tool: its own copy of the entry, the answers, the secrets, the images with
//! their digests and the ports. It is kept whole, so that what runs today can be made again tomorrow, whatever the
//! catalogue has become by then.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use api::tools::Reach;
use indexmap::IndexMap;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Error, Result};
use crate::catalog::about::ExposedProtocol;
use crate::catalog::compose::{Compose, Condition, MountKind, Restart, Service, refusal};
use crate::catalog::{Choice, ChosenImage, Entry, Finding, Origin, Publication, Template, Values};
use crate::engine::{
    ContainerSpec, FileSpec, HealthCheck, MARK_LABEL, Mark, Mount, NetworkSpec, PublishedPort, TOOL_LABEL, VolumeSpec,
};

/// The version that `docker compose` looks for to tell its own containers from others'.
const COMPOSE_VERSION: &str = "2.40.3";

/// One revision of a tool.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The tool.
    pub tool_id: Uuid,
    /// The tool's name, which is its Compose project.
    pub name: String,
    /// The entry's id.
    pub entry: String,
    /// The revision, from 1.
    pub revision: i32,
    /// The entry's file as it was then.
    pub compose: String,
    /// Answers of the form, checked.
    pub answers: BTreeMap<String, String>,
    /// Generated and chosen secrets, by variable.
    pub secrets: BTreeMap<String, SecretString>,
    /// The images, by image key.
    pub images: BTreeMap<String, RunningImage>,
    /// Published ports, by the name under `expose`.
    pub ports: BTreeMap<String, u16>,
    /// Who reaches them.
    pub reach: Reach,
    /// The address people see in links, `http://` and a host name or address, without port.
    pub host: String,
}

/// The image an image key runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningImage {
    /// What a person reads: `nginx:1.30.4`.
    pub reference: String,
    /// The tag.
    pub tag: String,
    /// What the tag pointed to when it was chosen.
    pub digest: String,
    /// The repository it is pulled from: a mirror's where one is configured.
    pub source: String,
}

impl RunningImage {
    /// The name under which the image is on the node.
    pub fn pinned(&self) -> String {
        format!("{}@{}", self.source, self.digest)
    }
}

/// A definition with its file read and its variables filled in.
pub struct Resolved {
    /// The definition.
    pub definition: Definition,
    /// Its entry.
    pub entry: Entry,
    /// Its Compose model.
    pub compose: Compose,
}

impl Definition {
    /// Reads the file and fills the variables in.
    ///
    /// # Errors
    /// What is wrong with the file; it was right when the revision was made.
    pub fn resolve(self) -> Result<Resolved, Vec<Finding>> {
        let entry = Entry::parse(&self.entry, Origin::Own, &self.compose, None)?;
        let compose = entry.settle(&self.choice(&entry))?;
        Ok(Resolved { definition: self, entry, compose })
    }

    /// The host address that published ports are bound to.
    pub fn bind_address(&self) -> IpAddr {
        match self.reach {
            Reach::Machine => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Reach::Network => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        }
    }

    /// Where people reach the tool: `http://host:port/path`, or `tcp://host:port` where no browser leads; `None` when it
    /// has no primary way in or that one is not published.
    pub fn url(&self, entry: &Entry) -> Option<String> {
        let primary = entry.primary()?;
        let port = self.ports.get(&primary.name)?;
        let (scheme, path) = match primary.protocol {
            ExposedProtocol::Http => ("http", primary.path.as_deref().unwrap_or("/")),
            ExposedProtocol::Https => ("https", primary.path.as_deref().unwrap_or("/")),
            ExposedProtocol::Tcp => ("tcp", ""),
            ExposedProtocol::Udp => ("udp", ""),
        };
        Some(format!("{scheme}://{}:{port}{path}", self.host))
    }

    pub(super) fn choice(&self, entry: &Entry) -> Choice {
        let images = self.images.iter().map(|(key, image)| {
            (key.clone(), ChosenImage { tag: image.tag.clone(), digest: Some(image.digest.clone()) })
        });
        let publish = self
            .ports
            .iter()
            .map(|(name, port)| (name.clone(), Publication { address: Some(self.bind_address()), port: *port }));
        let secrets = self.secrets.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
        Choice {
            tool: self.name.clone(),
            url: self.url(entry).unwrap_or_default().trim_end_matches('/').to_owned(),
            host: self.host.clone(),
            time_zone: "UTC".to_owned(),
            images: images.collect::<IndexMap<_, _>>(),
            publish: publish.collect(),
            answers: self.answers.clone().into_iter().collect::<Values>(),
            secrets: secrets.collect::<Values>(),
        }
    }
}

impl Resolved {
    /// Passes while nothing reaches past the tool's containers. To be asked of every new revision, since an answer may
    /// decide what is mounted.
    ///
    /// # Errors
    /// [`Error::Unapproved`].
    pub fn stays_within(&self) -> Result<()> {
        refusal(&self.compose.approvals).map_or(Ok(()), |refusal| Err(Error::Unapproved(refusal)))
    }

    /// The image of a service.
    pub fn image(&self, service: &str) -> Option<&RunningImage> {
        let key = self.entry.image_key(service).unwrap_or(service);
        self.definition.images.get(self.entry.leading_image(key))
    }

    /// The arguments of a command with the tool's variables filled in.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn filled(&self, arguments: &[String]) -> Result<Vec<String>, String> {
        let values = self.entry.values(&self.definition.choice(&self.entry));
        arguments.iter().map(|argument| Template::parse(argument)?.fill(&values)).collect()
    }

    /// The name of a service's container.
    pub fn container_name(&self, service: &str) -> String {
        format!("{}-{service}-1", self.definition.name)
    }

    /// The name on the node of a volume or network of the file.
    pub fn scoped(&self, name: &str) -> String {
        format!("{}_{name}", self.definition.name)
    }

    /// The networks of the tool: those that a service joins, each by its name in the file.
    pub fn networks(&self) -> Vec<NetworkToMake> {
        let mut names: Vec<&str> = Vec::new();
        for attachment in self.compose.services.iter().flat_map(|service| &service.networks) {
            if !names.contains(&attachment.network.as_str()) {
                names.push(&attachment.network);
            }
        }
        let is_internal = |name: &str| self.compose.networks.iter().any(|known| known.name == name && known.internal);
        names.into_iter().map(|name| NetworkToMake { key: name.to_owned(), internal: is_internal(name) }).collect()
    }

    /// The specification of a network.
    pub fn network_spec(&self, network: &NetworkToMake, mark: Mark) -> NetworkSpec {
        let declared = self.compose.networks.iter().find(|known| known.name == network.key);
        let mut labels = self.labels(mark);
        labels.extend(declared.into_iter().flat_map(|declared| declared.labels.iter().cloned()));
        labels.insert("com.docker.compose.network".into(), network.key.clone());
        NetworkSpec { name: self.scoped(&network.key), labels, internal: network.internal }
    }

    /// The specification of a volume, by its name in the file.
    pub fn volume_spec(&self, volume: &str, mark: Mark) -> VolumeSpec {
        let declared = self.compose.volumes.iter().find(|known| known.name == volume);
        let mut labels = self.labels(mark);
        labels.extend(declared.into_iter().flat_map(|declared| declared.labels.iter().cloned()));
        labels.insert("com.docker.compose.volume".into(), volume.to_owned());
        VolumeSpec { name: self.scoped(volume), labels }
    }

    /// The services in the order in which they start.
    pub fn start_order(&self) -> Vec<&Service> {
        // An entry whose dependencies go in a circle was refused when it was read.
        self.compose.start_order().unwrap_or_else(|_| self.compose.services.iter().collect())
    }

    /// The specification of a service's container.
    pub fn container_spec(&self, service: &Service, mark: Mark) -> ContainerSpec {
        let mut spec = self.bare_spec(service);
        let hash = Self::hash(&spec);
        let mut labels = self.labels(mark);
        labels.extend(service.labels.iter().cloned());
        labels.insert("com.docker.compose.service".into(), service.name.clone());
        labels.insert("com.docker.compose.container-number".into(), "1".into());
        labels.insert("com.docker.compose.oneoff".into(), "False".into());
        labels.insert("com.docker.compose.config-hash".into(), hash);
        labels.insert("com.docker.compose.depends_on".into(), depends_on_label(service));
        labels.insert("com.docker.compose.project.config_files".into(), "compose.yaml".into());
        spec.labels = labels;
        spec
    }

    /// What tells whether a service's container has to be made anew: the hash of all it is made from.
    pub fn config_hash(&self, service: &Service) -> String {
        Self::hash(&self.bare_spec(service))
    }

    fn hash(spec: &ContainerSpec) -> String {
        let files: Vec<_> =
            spec.files.iter().map(|file| (&file.path, file.content.expose_secret(), file.mode, file.owner)).collect();
        let described = format!("{spec:?}{files:?}");
        hex::encode(Sha256::digest(described.as_bytes()))
    }

    fn labels(&self, mark: Mark) -> BTreeMap<String, String> {
        BTreeMap::from([
            (TOOL_LABEL.to_owned(), self.definition.tool_id.to_string()),
            (MARK_LABEL.to_owned(), mark.to_string()),
            ("com.docker.compose.project".to_owned(), self.definition.name.clone()),
            ("com.docker.compose.version".to_owned(), COMPOSE_VERSION.to_owned()),
        ])
    }

    /// All of a service but what needs an approval, which is refused before a revision is made.
    fn bare_spec(&self, service: &Service) -> ContainerSpec {
        let volumes = service.volumes.iter().filter_map(|mount| match &mount.kind {
            MountKind::Volume(name) => {
                Some(Mount { volume: self.scoped(name), target: mount.target.clone(), read_only: mount.read_only })
            }
            MountKind::Anonymous | MountKind::Bind(_) | MountKind::Tmpfs { .. } => None,
        });
        let tmpfs = service.volumes.iter().filter_map(|mount| match &mount.kind {
            MountKind::Tmpfs { size, mode } => {
                let size = size.map(|size| format!("size={}", size.0));
                let mode = mode.map(|mode| format!("mode={mode:o}"));
                let read_only = mount.read_only.then(|| "ro".to_owned());
                Some((
                    mount.target.clone(),
                    [size, mode, read_only].into_iter().flatten().collect::<Vec<_>>().join(","),
                ))
            }
            MountKind::Volume(_) | MountKind::Anonymous | MountKind::Bind(_) => None,
        });
        ContainerSpec {
            name: self.container_name(&service.name),
            image: self.image(&service.name).map_or_else(|| service.image.clone(), RunningImage::pinned),
            labels: BTreeMap::new(),
            command: service.command.clone(),
            entrypoint: service.entrypoint.clone(),
            environment: service.environment.clone(),
            ports: self.published(service),
            expose: service.expose.iter().map(|(port, carrier)| (*port, carrier.as_str().to_owned())).collect(),
            mounts: volumes.collect(),
            networks: service
                .networks
                .iter()
                .map(|joined| {
                    let mut aliases = vec![service.name.clone()];
                    aliases.extend(joined.aliases.iter().cloned());
                    (self.scoped(&joined.network), aliases)
                })
                .collect(),
            health_check: service.healthcheck.as_ref().map(|check| HealthCheck {
                test: check.test.clone(),
                interval: check.interval,
                timeout: check.timeout,
                start_period: check.start_period,
                start_interval: check.start_interval,
                retries: check.retries,
            }),
            restart: match service.restart {
                Restart::No => "no".into(),
                Restart::Always => "always".into(),
                Restart::OnFailure(None) => "on-failure".into(),
                Restart::OnFailure(Some(most)) => format!("on-failure:{most}"),
                Restart::UnlessStopped => "unless-stopped".into(),
            },
            user: service.user.clone(),
            working_dir: service.working_dir.clone(),
            hostname: service.hostname.clone(),
            cap_add: service.cap_add.clone(),
            cap_drop: service.cap_drop.clone(),
            security_opt: service.security_opt.clone(),
            read_only: service.read_only,
            tmpfs: tmpfs.collect(),
            shm_size_bytes: service.shm_size.map(|size| size.0),
            ulimits: service.ulimits.iter().map(|limit| (limit.name.clone(), limit.soft, limit.hard)).collect(),
            sysctls: service.sysctls.iter().cloned().collect(),
            stop_grace_period: service.stop_grace_period,
            stop_signal: service.stop_signal.clone(),
            init: service.init,
            logging: service.logging.as_ref().map(|logging| {
                (
                    logging.driver.clone().unwrap_or_else(|| "json-file".into()),
                    logging.options.iter().cloned().collect(),
                )
            }),
            extra_hosts: service.extra_hosts.iter().map(|(name, address)| format!("{name}:{address}")).collect(),
            memory_bytes: service.mem_limit.map(|size| size.0),
            memory_reservation_bytes: service.mem_reservation.map(|size| size.0),
            cpu_millis: service.cpus.map(thousandths),
            pids_limit: service.pids_limit,
            files: service
                .files
                .iter()
                .map(|file| FileSpec {
                    path: file.target.clone(),
                    content: SecretString::from(file.content.clone()),
                    mode: file.mode,
                    owner: (file.uid.unwrap_or_default(), file.gid.unwrap_or_default()),
                })
                .collect(),
        }
    }

    /// The ports of a service that are published; 0 leaves the choice to the engine, as the file does.
    fn published(&self, service: &Service) -> Vec<PublishedPort> {
        let ports = service.ports.iter().map(|port| PublishedPort {
            host_ip: port.host_ip.unwrap_or_else(|| self.definition.bind_address()).to_string(),
            host_port: port.host_port.unwrap_or_default(),
            container_port: port.container_port,
            protocol: port.protocol.as_str().to_owned(),
        });
        ports.collect()
    }
}

/// A network of a tool, by its name in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkToMake {
    /// Its name in the file.
    pub key: String,
    /// Whether it is cut off from the outside.
    pub internal: bool,
}

/// Compose's own notation: `db:service_healthy:false,cache:service_started:false`.
fn depends_on_label(service: &Service) -> String {
    let words = service.depends_on.iter().map(|(name, condition)| {
        let condition = match condition {
            Condition::Started => "service_started",
            Condition::Healthy => "service_healthy",
            Condition::CompletedSuccessfully => "service_completed_successfully",
        };
        format!("{name}:{condition}:false")
    });
    words.collect::<Vec<_>>().join(",")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of processors is small and positive"
)]
fn thousandths(cpus: f64) -> u64 {
    (cpus * 1000.0).round() as u64
}
