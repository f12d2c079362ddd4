package download

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// errAddress says that a name leads to a place that is not on the public internet.
var errAddress = errors.New("address is not public")

// special4 and special6 are the blocks of the IANA special-purpose address registries (RFC 6890 and its updates, as of
// 2025) that are not globally reachable, with multicast and what is reserved. Of IPv6 only 2000::/3 is given out, so
// special6 names what is special within it; the rest, with loopback, unique local, link-local, IPv4-compatible and both
// NAT64 prefixes (which would reach any IPv4 address), is refused as a whole.
func special4() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8",        // this network; Linux takes 0.0.0.0 for loopback
		"10.0.0.0/8",       // private
		"100.64.0.0/10",    // carrier-grade NAT; the metadata service of Alibaba Cloud
		"127.0.0.0/8",      // loopback
		"168.63.129.16/32", // public by number, but the host of every Azure machine
		"169.254.0.0/16",   // link-local; the metadata services of most clouds
		"172.16.0.0/12",    // private
		"192.0.0.0/24",     // protocol assignments; the metadata service of Oracle Cloud
		"192.0.2.0/24",     // documentation
		"192.88.99.0/24",   // 6to4 relays
		"192.168.0.0/16",   // private
		"198.18.0.0/15",    // benchmarks
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"224.0.0.0/4",      // multicast
		"240.0.0.0/4",      // reserved, and broadcast
	)
}

func special6() []netip.Prefix {
	return prefixes(
		"2001::/23",     // protocol assignments: Teredo, benchmarks, ORCHID
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4, which holds any IPv4 address
		"3fff::/20",     // documentation
	)
}

func prefixes(blocks ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(blocks))
	for i, block := range blocks {
		out[i] = netip.MustParsePrefix(block)
	}
	return out
}

// public tells whether an address may be a stranger's on the internet.
func public(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap() // ::ffff:127.0.0.1 is 127.0.0.1 to the kernel
	special := special4()
	if addr.Is6() {
		if !netip.MustParsePrefix("2000::/3").Contains(addr) {
			return false
		}
		special = special6()
	}
	return !slices.ContainsFunc(special, func(block netip.Prefix) bool { return block.Contains(addr) })
}

// control refuses a connection by the address that the name was resolved to, just before it is made, so that a name
// which is resolved once more to something else gains nothing.
func control(permitted func(netip.Addr) bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || (network != "tcp4" && network != "tcp6") || !permitted(to.Addr()) {
			return fmt.Errorf("%s: %w", address, errAddress)
		}
		return nil
	}
}
