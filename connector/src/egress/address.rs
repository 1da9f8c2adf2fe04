//! Which addresses belong to the public internet, in whichever form they are written. Deliberately absent: which of the
//! others an operator allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The IPv4 address inside an IPv6 one, when there is one.
pub(super) fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let s = v6.segments();
    let low = || Ipv4Addr::from((u32::from(s[6]) << 16) | u32::from(s[7]));
    match s {
        // ::1 and :: are IPv6's own; the rest of ::/96 is IPv4-compatible (RFC 4291, 2.5.5.1).
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => address,
        [0, 0, 0, 0, 0, 0, _, _] => IpAddr::V4(low()),
        // IPv4-mapped (RFC 4291, 2.5.5.2), IPv4-translated (RFC 2765), NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => {
            IpAddr::V4(low())
        }
        // 6to4 (RFC 3056).
        [0x2002, high, rest, ..] => IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(rest))),
        _ => address,
    }
}

/// True for addresses that are reachable from everywhere, by IANA's special-purpose registries
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>, `…ipv6…`, read 2026).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, ..)              // this network, private, loopback
            | (100, 64..=127, _)        // carrier-grade NAT
            | (169, 254, _)             // link-local, cloud metadata
            | (172, 16..=31, _)         // private
            | (192, 0, 0 | 2)           // protocol assignments, documentation
            | (192, 88, 99)             // 6to4 relays, withdrawn
            | (192, 168, _)             // private
            | (198, 18..=19, _)         // benchmarking
            | (198, 51, 100)            // documentation
            | (203, 0, 113)             // documentation
            | (224..=255, ..) // multicast, reserved, broadcast
    )
}

/// Only 2000::/3 is global unicast; loopback, ULA, link-local, site-local, multicast lie outside it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let global_unicast = first & 0xe000 == 0x2000;
    let protocol_assignments = first == 0x2001 && second < 0x0200; // Teredo, benchmarking, ORCHID
    let documentation = (first == 0x2001 && second == 0x0db8) || (first == 0x3fff && second < 0x1000);
    global_unicast && !protocol_assignments && !documentation
}
