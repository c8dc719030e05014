//! The user the private cluster runs as: Postgres refuses to run as root.

use std::path::Path;

use super::Error;

/// The accounts that may run the cluster when Summoner runs as root, the preferred one first.
const ACCOUNTS: [&str; 2] = ["summoner", "postgres"];

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name; its number where no name is known.
    pub name: String,
    /// Its user id.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
}

impl Account {
    /// The user who runs this process.
    pub fn own() -> Self {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Self { name: format!("number {uid}"), uid, gid }
    }

    /// The user who shall run the cluster in `folder`: oneself, or for root an unprivileged account.
    ///
    /// A cluster that is there stays with the account it was made for, if that is one of those that may.
    ///
    /// # Errors
    /// [`Error::Refused`] when there is no such account.
    pub(super) fn for_cluster(folder: &Path) -> Result<Self, Error> {
        use std::os::unix::fs::MetadataExt as _;
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::own());
        }
        let users = std::fs::read_to_string("/etc/passwd").map_err(super::failed("reading /etc/passwd"))?;
        let known: Vec<Self> = ACCOUNTS.iter().filter_map(|name| named(&users, name)).collect();
        let owner = std::fs::symlink_metadata(folder).map(|about| about.uid()).ok();
        let account = known.iter().find(|account| Some(account.uid) == owner).or(known.first()).cloned();
        account.ok_or_else(|| {
            Error::Refused(
                "PostgreSQL does not run as root and this machine has neither a user summoner nor a user postgres; add one with useradd --system summoner, or name a database with DATABASE_URL".to_owned(),
            )
        })
    }
}

/// The user with this name among the lines of `/etc/passwd` (passwd(5)); root's number is nobody here.
fn named(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        (uid != 0).then(|| Account { name: name.to_owned(), uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name_and_never_is_root() {
        let users = "root:x:0:0:root:/root:/bin/bash\npostgres2:x:7:7::/:\npostgres:x:101:104:,,,:/var/lib:/bin/sh\nsummoner:x:0:0::/:\nbad:x\n";
        let expected = Account { name: "postgres".to_owned(), uid: 101, gid: 104 };
        assert_eq!(named(users, "postgres"), Some(expected));
        assert_eq!(named(users, "summoner"), None);
        assert_eq!(named(users, "bad"), None);
        assert_eq!(named(users, "nobody"), None);
    }
}
