//! The decisions of signing in, without any IO: pauses after failures, what an acceptable account is, how a link stands.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::Error;

/// Failures older than this no longer count.
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);

/// What refused sign-ins are counted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The account that was named, whether there is one or not.
    Account(String),
    /// The address the attempt came from.
    Address(IpAddr),
}

impl Subject {
    /// The key the count is stored under.
    pub fn key(&self) -> String {
        match self {
            Self::Account(email) => {
                format!("account:{}", hex::encode(Sha256::digest(email.as_bytes())))
            }
            // Whoever has one IPv6 address has the 2^64 of its network; they count as one.
            Self::Address(address) => match address.to_canonical() {
                IpAddr::V4(address) => format!("address:{address}"),
                IpAddr::V6(address) => {
                    let [a, b, c, d, ..] = address.segments();
                    format!("address:{a:x}:{b:x}:{c:x}:{d:x}::/64")
                }
            },
        }
    }

    /// How long after its last failure the next attempt is refused unseen.
    ///
    /// The pause doubles with each failure past the free ones. It stays short for an account, so that a stranger who
    /// knows an address cannot lock its owner out for long; it grows far for the stranger's own address.
    pub fn pause(&self, failures: i32) -> Duration {
        let (free, longest) = match self {
            Self::Account(_) => (5, Duration::from_mins(1)),
            Self::Address(_) => (20, Duration::from_mins(15)),
        };
        match u32::try_from(failures - free) {
            Ok(past) => Duration::from_secs(1 << past.min(20)).min(longest),
            Err(_) => Duration::ZERO,
        }
    }
}

/// The refused attempts of one subject, as stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failures {
    pub count: i32,
    pub last_at: Timestamp,
}

impl Failures {
    /// Those that still count.
    pub fn counting(self, now: Timestamp) -> i32 {
        if now.duration_since(self.last_at) > jiff::SignedDuration::try_from(FORGOTTEN_AFTER).unwrap_or_default() {
            0
        } else {
            self.count
        }
    }

    /// How long the subject still has to wait; `None` when it may try.
    pub fn wait(self, subject: &Subject, now: Timestamp) -> Option<Duration> {
        let until = self.last_at + subject.pause(self.counting(now));
        Duration::try_from(until.duration_since(now)).ok().filter(|wait| !wait.is_zero())
    }
}

/// An e-mail address as accounts keep it: trimmed and in lower case.
pub(super) fn normal_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Whether the text is an e-mail address by the rule browsers use (HTML, "valid e-mail address").
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 254
        && (1..=64).contains(&local.len())
        && local.bytes().all(is_local)
        && domain.split('.').all(is_label)
}

/// Gathers what is wrong with a form, field by field, so that it is said at once and not one by one.
#[derive(Debug, Default)]
pub(super) struct Form {
    problems: Vec<(&'static str, String)>,
}

impl Form {
    /// Checks an e-mail address.
    pub fn email(&mut self, field: &'static str, email: &str) -> &mut Self {
        if !is_email(email) {
            self.problem(field, "This is not an e-mail address.");
        }
        self
    }

    /// A line that pages show: not empty, not endless, and without characters that change the text around it.
    pub fn line(&mut self, field: &'static str, text: &str) -> &mut Self {
        let turns_text =
            |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if text.trim().is_empty() {
            self.problem(field, "This is empty.");
        } else if text.chars().count() > 100 {
            self.problem(field, "This is longer than 100 characters.");
        } else if text.chars().any(|c| c.is_control() || turns_text(c)) {
            self.problem(field, "This contains invisible control characters.");
        }
        self
    }

    /// Checks a new password.
    pub fn password(&mut self, field: &'static str, password: &str, email: &str) -> &mut Self {
        let length = password.chars().count();
        if length < 10 {
            self.problem(field, "A password has at least 10 characters.");
        } else if length > 256 {
            self.problem(field, "A password has at most 256 characters.");
        } else if password.to_lowercase() == email {
            self.problem(field, "The password must not be the e-mail address.");
        }
        self
    }

    /// Adds a problem that was found elsewhere.
    pub fn problem(&mut self, field: &'static str, message: &str) -> &mut Self {
        self.problems.push((field, message.to_owned()));
        self
    }

    /// # Errors
    /// [`Error::Fields`] when there is any problem.
    pub fn checked(&mut self) -> Result<(), Error> {
        if self.problems.is_empty() { Ok(()) } else { Err(Error::Fields(std::mem::take(&mut self.problems))) }
    }
}

/// A link of the first run, as stored.
#[derive(Clone, Debug)]
pub(super) struct SetupLink {
    pub expires_at: Timestamp,
    pub replaced_at: Option<Timestamp>,
    pub used_at: Option<Timestamp>,
    pub used_by: Option<String>,
}

impl SetupLink {
    /// Passes if the link still opens the first run.
    ///
    /// # Errors
    /// One of the [`Error`]s about setup links; being used comes first, because it tells most.
    pub fn usable(&self, now: Timestamp) -> Result<(), Error> {
        match *self {
            Self { used_at: Some(at), ref used_by, .. } => Err(Error::SetupLinkUsed {
                by: used_by.clone().unwrap_or_else(|| "an account that is gone".to_owned()),
                at,
            }),
            Self { replaced_at: Some(at), .. } => Err(Error::SetupLinkReplaced { at }),
            Self { expires_at, .. } if expires_at <= now => Err(Error::SetupLinkExpired { at: expires_at }),
            _ => Ok(()),
        }
    }
}

/// What a browser says of itself, fit to be stored and shown: no control characters, 200 characters at most.
pub(super) fn clean_user_agent(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_start_late_double_and_end_somewhere() {
        let account = Subject::Account("ada@example.org".to_owned());
        let address = Subject::Address("192.0.2.1".parse().unwrap());
        let seconds = |subject: &Subject, counts: [i32; 6]| counts.map(|count| subject.pause(count).as_secs());
        assert_eq!(seconds(&account, [0, 4, 5, 6, 8, 1_000_000]), [0, 0, 1, 2, 8, 60]);
        assert_eq!(seconds(&address, [0, 19, 20, 22, 29, 1_000_000]), [0, 0, 1, 4, 512, 900]);
    }

    #[test]
    fn a_wait_counts_from_the_last_failure_and_is_forgotten_after_a_day() {
        let subject = Subject::Account("ada@example.org".to_owned());
        let last_at: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let failures = Failures { count: 8, last_at };
        let after = |seconds| failures.wait(&subject, last_at + Duration::from_secs(seconds));
        assert_eq!(after(0), Some(Duration::from_secs(8)));
        assert_eq!(after(7), Some(Duration::from_secs(1)));
        assert_eq!(after(8), None);
        assert_eq!(failures.counting(last_at + Duration::from_hours(24)), 8);
        assert_eq!(failures.counting(last_at + Duration::from_hours(25)), 0);
    }

    #[test]
    fn addresses_of_one_network_count_together_and_accounts_are_not_stored_as_typed() {
        let key = |text: &str| Subject::Address(text.parse().unwrap()).key();
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert!(!Subject::Account("my password".to_owned()).key().contains("my password"));
    }

    #[test]
    fn an_address_is_told_from_what_is_none() {
        let good = ["ada@example.org", "a.b+c@sub.example.org", "root@localhost", "o'neil@example.org"];
        let long = format!("{}@example.org", "a".repeat(65));
        let bad = [
            "",
            "@",
            "ada",
            "ada@",
            "@example.org",
            "a da@example.org",
            "ada@exa mple.org",
            "ada@-a.org",
            "ada@a..org",
            "ada@example.org\n",
            "a@b@c",
            "ada@example.org,eve@example.org",
            "<ada@example.org>",
            long.as_str(),
        ];
        for text in good {
            assert!(is_email(text), "{text}");
        }
        for text in bad {
            assert!(!is_email(text), "{text}");
        }
    }

    #[test]
    fn a_form_names_every_wrong_field_at_once() {
        let mut form = Form::default();
        form.line("name", " ").email("email", "ada").password("password", "short", "ada");
        let Err(Error::Fields(problems)) = form.checked() else { panic!("three fields are wrong") };
        assert_eq!(problems.iter().map(|(field, _)| *field).collect::<Vec<_>>(), ["name", "email", "password"]);
        assert!(form.checked().is_ok(), "problems are handed over once");
    }

    #[test]
    fn passwords_follow_the_rules() {
        let refused = |password: &str| Form::default().password("p", password, "ada@example.org").checked().is_err();
        assert!(refused("123456789") && refused(&"a".repeat(257)) && refused("Ada@Example.org"));
        assert!(!refused("1234567890") && !refused(&"ä".repeat(256)) && !refused("ten letters"));
    }

    #[test]
    fn s29_names_cannot_break_lines_or_turn_text_around() {
        for text in ["a\nb", "a\r\nSet-Cookie: x", "a\0", "a\u{1b}[31m", "a\u{202e}b"] {
            assert!(Form::default().line("name", text).checked().is_err(), "{text:?}");
        }
        assert!(Form::default().line("name", "Zoë O'Neil").checked().is_ok());
        assert_eq!(clean_user_agent("Mozilla\r\nX: y\u{1b}[0m"), "MozillaX: y[0m");
        assert_eq!(clean_user_agent(&"a".repeat(1000)).len(), 200);
    }
}
