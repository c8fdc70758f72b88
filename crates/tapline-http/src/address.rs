//! Which addresses a host name may lead to.
//!
//! The check is made on the addresses that are then connected to: a name that shows a public
//! address first and a private one a moment later gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::AllowList;

/// Looks up names, and forgets every address that the list does not let the name have.
pub(crate) struct Resolver {
    pub(crate) allow: AllowList,
}

/// A name has no address that may be used.
#[derive(Debug, thiserror::Error)]
#[error("{host} has no public address; write it in allow_hosts to reach a private one")]
pub(crate) struct NotPublic {
    host: String,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = self.allow.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> = found
                .filter(|address| allow.may_reach(&host, address.ip()))
                .collect();
            if usable.is_empty() {
                return Err(NotPublic { host }.into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// Whether `address` belongs to the public internet.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => is_public_v4(v4),
            None => is_public_v6(v6),
        },
    }
}

/// Where EC2 serves over IPv6 what it serves link-local over IPv4.
const EC2_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Whether `address` is link-local: there clouds serve the credentials of the machine.
pub(crate) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6 == EC2_METADATA
                || embedded_v4(v6).is_some_and(|v4| v4.is_link_local())
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmark = a == 198 && (b == 18 || b == 19);
    let protocol = a == 192 && b == 0 && c == 0;
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || shared
        || benchmark
        || protocol
        || a == 0
        // Multicast, reserved and broadcast.
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Teredo, which wraps IPv4, benchmarks and other protocols: 2001::/23.
    let protocol = first == 0x2001 && second < 0x200;
    // 2000::/3 is all that was ever given out; everything else is local, multicast or reserved.
    first & 0xe000 == 0x2000 && !protocol
}

/// The IPv4 address that an IPv6 address only wraps: mapped, NAT64 or 6to4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let [high, low] = match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => [high, low],
        [0x2002, high, low, ..] => [high, low],
        _ => return None,
    };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_clouds_keep_credentials_is_link_local_in_every_spelling() {
        for text in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fe80::1",
            "fd00:ec2::254",
        ] {
            assert!(is_link_local(text.parse().unwrap()), "{text}");
        }
        assert!(!is_link_local("fd00:ec3::254".parse().unwrap()));
    }

    #[test]
    fn only_the_public_internet_is_public() {
        for public in [
            "8.8.8.8",
            "192.0.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::808:808",
            "2001:200::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001:0:102:304:0:1234:5601:5601",
            "2001:2::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }
}
