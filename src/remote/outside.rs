//! A gate in front of a client that is to reach the outside only: it looks names up, judges every address before a connection
//! is opened, and hands out none but those that passed, so a name that changes its mind in between gains nothing.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use aviary_kernel::base::Net;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::hooks::address::{Forbidden, judge, judge_plain};

/// Finds the addresses of a name.
#[derive(Clone, Default)]
pub struct Lookup(Way);

#[derive(Clone, Default)]
enum Way {
    #[default]
    System,
    By(Arc<Find>),
}

type Find = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

impl Lookup {
    /// Asks `find`, which must not block. For tests and simulations, which have no names of their own.
    pub fn by(find: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self(Way::By(Arc::new(find)))
    }

    async fn find(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        match &self.0 {
            Way::System => Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()),
            Way::By(find) => find(name),
        }
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Way::System => "Lookup(the system's)",
            Way::By(_) => "Lookup(another)",
        })
    }
}

/// Where requests may go: to the public internet over HTTPS, and to what the operator allows.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Networks that are not public and may be reached nevertheless, over HTTP too.
    pub allowed: Vec<Net>,
    /// Finds the addresses of names.
    pub lookup: Lookup,
}

impl Outside {
    /// Whether a request may go to `url`, as far as its name can be looked up now. What is sent there is judged anew.
    ///
    /// # Errors
    /// [`Forbidden`] when no address of it may be reached.
    pub async fn judge(&self, url: &Url) -> Result<(), Forbidden> {
        let Some(host) = url.host_str() else { return Ok(()) };
        self.addresses(host, url.scheme() == "http").await.map(drop)
    }

    /// The addresses of `host`, a name or an address as in a URL, that may be reached; their ports are 0.
    pub(crate) async fn addresses(&self, host: &str, is_plain: bool) -> Result<Vec<SocketAddr>, Forbidden> {
        let found = match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(address) => vec![address],
            Err(_) => self.lookup.find(host).await.unwrap_or_default(),
        };
        Rule { outside: self.clone(), is_plain }.sift(found)
    }

    /// The gate for requests over HTTPS, or over plain HTTP.
    pub(crate) fn gate(&self, is_plain: bool) -> Gate {
        Gate { rule: Arc::new(Rule { outside: self.clone(), is_plain }) }
    }
}

/// Lets through what may be reached.
#[derive(Clone)]
pub(crate) struct Gate {
    rule: Arc<Rule>,
}

struct Rule {
    outside: Outside,
    is_plain: bool,
}

impl Gate {
    /// Whether requests go out without encryption.
    pub(crate) fn is_plain(&self) -> bool {
        self.rule.is_plain
    }

    /// Judges an address that stands in `url` itself; those of names are judged when they are looked up.
    pub(crate) fn check(&self, url: &Url) -> Result<(), Forbidden> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.rule.judge(address.into()),
            Some(Host::Ipv6(address)) => self.rule.judge(address.into()),
            _ => Ok(()),
        }
    }
}

impl Rule {
    fn judge(&self, address: IpAddr) -> Result<(), Forbidden> {
        if self.is_plain { judge_plain(address, &self.outside.allowed) } else { judge(address, &self.outside.allowed) }
    }

    /// The addresses that passed. The first that did not speaks for all when none did.
    fn sift(&self, found: Vec<IpAddr>) -> Result<Vec<SocketAddr>, Forbidden> {
        let (mut passed, mut refusal) = (Vec::new(), None);
        for address in found {
            match self.judge(address) {
                Ok(()) => passed.push(SocketAddr::new(address, 0)),
                Err(why) => refusal = refusal.or(Some(why)),
            }
        }
        match refusal {
            Some(why) if passed.is_empty() => Err(why),
            _ => Ok(passed),
        }
    }
}

impl Resolve for Gate {
    fn resolve(&self, name: Name) -> Resolving {
        let rule = self.rule.clone();
        Box::pin(async move {
            let passed = rule.sift(rule.outside.lookup.find(name.as_str()).await?)?;
            if passed.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
            }
            Ok(Box::new(passed.into_iter()) as Addrs)
        })
    }
}
