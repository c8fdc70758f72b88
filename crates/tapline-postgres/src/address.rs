//! Where the server is: the address as the operator wrote it, read once, its password never shown.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tapline_core::Secret;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::failure::{Failure, Result};
use crate::tls::{Tls, Trust};

const FORM: &str = "write `postgres://USER@HOST:PORT/DATABASE`; in a name or password, `%40` stands for `@` and \
     `%2F` for `/`";
const CONNECT: Duration = Duration::from_secs(10);
/// How long what was sent may go unanswered by the other machine, before it counts as gone.
const GONE: Duration = Duration::from_secs(30);

/// A server, a database on it, and a schema in that. Neither its `Display` nor its `Debug` shows a
/// password.
#[derive(Clone)]
pub struct Address {
    /// How to connect.
    pub config: Config,
    /// Where tapline's own tables are.
    pub schema: String,
    /// Where they are unless the address names another schema.
    usual: &'static str,
    /// Whom the server has to be, and how that is asked.
    pub(crate) tls: Tls,
}

impl Address {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. Tapline's own tables are in the schema
    /// that `options=-c search_path=NAME` names, else in `schema`.
    ///
    /// # Errors
    /// [`Failure::Address`] if it is none, or asks for what this version cannot do.
    pub fn parse(written: &Secret, schema: &'static str) -> Result<Self> {
        let (rest, trust) = take_trust(written.expose())?;
        let mut config: Config = rest.parse().map_err(|error| invalid(&error))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(Failure::Address(format!("the host is missing: {FORM}")));
        }
        if config.get_hosts().is_empty() {
            // TLS wants a name for the other end, be it a number.
            for address in config.get_hostaddrs().to_vec() {
                config.host(address.to_string());
            }
        }
        if trust != Trust::Anyone {
            config.ssl_mode(SslMode::Require);
        }
        let usual = schema;
        let schema = config.get_options().and_then(search_path);
        let schema = schema.unwrap_or_else(|| usual.to_owned());
        set_defaults(&mut config);
        Ok(Self {
            config,
            schema,
            usual,
            tls: Tls::new(trust),
        })
    }
}

/// `written` without the options that say whom the server has to be, which the client's library does
/// not know, and whom it has to be.
fn take_trust(written: &str) -> Result<(String, Trust)> {
    let Some((place, options)) = written.rsplit_once('?') else {
        return Ok((written.to_owned(), Trust::Anyone));
    };
    let (mut left, mut is_full, mut file) = (Vec::new(), false, None);
    for option in options.split('&') {
        match option.split_once('=') {
            Some(("sslmode", "verify-full")) => is_full = true,
            Some(("sslmode", "verify-ca")) => {
                let message = "`sslmode=verify-ca` would take the certificate of any host for that of the \
                               server; write `sslmode=verify-full`";
                return Err(Failure::Address(message.to_owned()));
            }
            Some(("sslrootcert", path)) => file = Some(path),
            _ => left.push(option),
        }
    }
    let trust = match (is_full, file) {
        (false, None) => Trust::Anyone,
        (false, Some(_)) => {
            let message = "`sslrootcert` names who vouches for the server, and nobody asks: write \
                           `sslmode=verify-full` as well";
            return Err(Failure::Address(message.to_owned()));
        }
        (true, None | Some("system")) => Trust::Platform,
        (true, Some(path)) => {
            let path = percent_decode_str(path).decode_utf8();
            Trust::File(PathBuf::from(path.map_err(|_| bad_path())?.as_ref()))
        }
    };
    let left = left.join("&");
    let question = if left.is_empty() { "" } else { "?" };
    Ok((format!("{place}{question}{left}"), trust))
}

fn bad_path() -> Failure {
    let message =
        "the path after `sslrootcert=` is not written as in an address: `%25` stands for `%`";
    Failure::Address(message.to_owned())
}

/// Waits end, unless the operator wishes otherwise.
fn set_defaults(config: &mut Config) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(GONE);
    }
    if config.get_application_name().is_none() {
        config.application_name("tapline");
    }
    config.keepalives_idle(config.get_keepalives_idle().min(GONE));
}

/// The error names options, and an address that is cut at the wrong place may take a piece of the
/// password for one. So only what is surely none is passed on.
fn invalid(error: &tokio_postgres::Error) -> Failure {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let cause = cause.filter(|cause| cause.starts_with("invalid value for option"));
    Failure::Address(match cause {
        Some(cause) => format!("{cause}; {FORM}"),
        None => format!("this is no address of a PostgreSQL database; {FORM}"),
    })
}

/// The first schema of `-c search_path=a,b` in `options`.
fn search_path(options: &str) -> Option<String> {
    let (_, rest) = options.split_once("search_path=")?;
    let first = rest.split([',', ' ']).next()?.trim_matches('"');
    (!first.is_empty()).then(|| first.to_owned())
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            config,
            schema,
            usual,
            ..
        } = self;
        write!(f, "postgres://")?;
        if let Some(user) = config.get_user() {
            write!(f, "{user}@")?;
        }
        for (index, host) in config.get_hosts().iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}")?,
                #[cfg(unix)]
                Host::Unix(path) => write!(f, "{comma}{}", path.display())?,
            }
            let ports = config.get_ports();
            if let Some(port) = ports.get(index).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        if let Some(name) = config.get_dbname() {
            write!(f, "/{name}")?;
        }
        if schema != usual {
            write!(f, ", schema {schema}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "tapline";

    #[track_caller]
    fn parse(written: &str) -> Result<Address> {
        Address::parse(&Secret::new(written), SCHEMA)
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (written, shown, schema) in [
            ("postgres://ann@db/x", "postgres://ann@db:5432/x", SCHEMA),
            ("postgresql://db", "postgres://db:5432", SCHEMA),
            (
                "postgres://ann:hush%40%2F@db:6543/x?connect_timeout=3",
                "postgres://ann@db:6543/x",
                SCHEMA,
            ),
            (
                "postgres://ann@db/x?password=hush",
                "postgres://ann@db:5432/x",
                SCHEMA,
            ),
            (
                "postgres://ann@a:1,b:2/x",
                "postgres://ann@a:1,b:2/x",
                SCHEMA,
            ),
            (
                "postgres://ann@db/x?options=-c%20search_path%3Dmine",
                "postgres://ann@db:5432/x, schema mine",
                "mine",
            ),
        ] {
            let address = parse(written).unwrap();
            assert_eq!(address.to_string(), shown);
            assert!(!format!("{address:?}").contains("hush"));
            assert_eq!(address.schema, schema);
        }
    }

    #[test]
    fn the_address_says_whom_the_server_has_to_be() {
        let file = |path: &str| Trust::File(PathBuf::from(path));
        for (options, mode, trust) in [
            ("", SslMode::Prefer, Trust::Anyone),
            ("?sslmode=disable", SslMode::Disable, Trust::Anyone),
            ("?sslmode=require", SslMode::Require, Trust::Anyone),
            (
                "?sslmode=verify-full&connect_timeout=3",
                SslMode::Require,
                Trust::Platform,
            ),
            (
                "?sslmode=verify-full&sslrootcert=system",
                SslMode::Require,
                Trust::Platform,
            ),
            (
                "?sslrootcert=/my%20ca.pem&sslmode=verify-full",
                SslMode::Require,
                file("/my ca.pem"),
            ),
        ] {
            let address = parse(&format!("postgres://ann@db/x{options}")).unwrap();
            assert_eq!(address.config.get_ssl_mode(), mode, "{options}");
            assert_eq!(address.tls.trust, trust, "{options}");
        }
    }

    #[test]
    fn what_is_no_address_is_said_without_showing_it() {
        for (written, said) in [
            ("postgres://", "the host is missing"),
            (
                "postgres://ann:hu@sh?hush=hush@db/x",
                "this is no address of a PostgreSQL database",
            ),
            (
                "postgres://ann:hush@db:x/x",
                "invalid value for option `port`",
            ),
            (
                "postgres://ann:hush@db/x?sslmode=verify-ca",
                "`sslmode=verify-ca` would take",
            ),
            (
                "postgres://ann:hush@db/x?sslmode=require&sslrootcert=/ca.pem",
                "`sslrootcert` names who vouches",
            ),
            (
                "postgres://ann:hush@db/x?sslmode=verify-full&sslrootcert=/ca%FF.pem",
                "the path after `sslrootcert=` is not",
            ),
            (
                "postgres://ann:hush@db/x?sslmode=maybe",
                "invalid value for option `sslmode`",
            ),
            ("ann:hush@db/x", "this is no address"),
        ] {
            let error = parse(written).err().unwrap().to_string();
            assert!(error.starts_with(said), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
