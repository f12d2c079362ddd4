package download

import (
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPublic_onlyWhatAStrangerMayHave(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{
		"1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1",
		"192.0.1.1", "198.17.255.255", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8",
	} {
		require.True(t, public(netip.MustParseAddr(addr)), addr)
	}
	for _, addr := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.255.254",
		"168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1",
		"192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
		"239.255.255.250", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1",
		"2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff::1", "5f00::1", "fc00::1",
		"fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%eth0", "2606:4700:4700::1111%eth0", "fec0::1", "ff02::1", "ff0e::1",
	} {
		require.False(t, public(netip.MustParseAddr(addr)), addr)
	}
	require.False(t, public(netip.Addr{}))
}

func TestControl_seesWhatWasResolved(t *testing.T) {
	t.Parallel()
	check := control(public)
	require.NoError(t, check("tcp4", "8.8.8.8:443", nil))
	require.NoError(t, check("tcp6", "[2606:4700:4700::1111]:443", nil))
	require.ErrorIs(t, check("tcp4", "127.0.0.1:443", nil), errAddress)
	require.ErrorIs(t, check("tcp6", "[::ffff:10.0.0.1]:443", nil), errAddress)
	require.ErrorIs(t, check("tcp4", "v3.fal.media:443", nil), errAddress, "a name is nothing that was resolved")
	require.ErrorIs(t, check("unix", "/run/docker.sock", nil), errAddress)
	require.ErrorIs(t, check("udp4", "8.8.8.8:443", nil), errAddress)
}

func TestCheck_ofURLs(t *testing.T) {
	t.Parallel()
	strict := targets{hosts: []string{"fal.media", "cdn.example.com"}}
	for _, raw := range []string{
		"https://fal.media/a.png", "https://v3.fal.media/files/a.png?token=x", "https://V3B.FAL.MEDIA/a", "https://cdn.example.com:443/a",
	} {
		require.NoError(t, strict.check(parse(t, raw)), raw)
	}
	for _, raw := range []string{
		"http://v3.fal.media/a", "ftp://v3.fal.media/a", "file:///etc/passwd", "gopher://fal.media/", "//v3.fal.media/a", "/a", "", "https://",
		"https:v3.fal.media/a", "javascript:alert(1)", "data:image/png;base64,AAAA",
		"https://evilfal.media/a", "https://fal.media.evil.com/a", "https://media/a", "https://xfal.media./a", "https://fal.media./a",
		"https://.fal.media/a", "https://a..fal.media/a", "https://evil.com#.fal.media/a", "https://evil.com?.fal.media", "https://evil.com/.fal.media",
		"https://v3.fal.media@evil.com/a", "https://user@v3.fal.media/a", "https://user:pass@v3.fal.media/a", "https://:@v3.fal.media/a",
		"https://v3.fal.media:8443/a", "https://v3.fal.media:22/a", "https://v3.fal.media:/a", "https://v3.fal.media:0443/a",
		"https://127.0.0.1/a", "https://[::1]/a", "https://[::ffff:127.0.0.1]/a", "https://2130706433/a", "https://0x7f.1/a", "https://0177.0.0.1/a",
		"https://localhost/a", "http://localhost/a", "http://127.0.0.1/a", "https://169.254.169.254/latest/meta-data/",
		"https://evil%2ecom%2f.fal.media/a", "https://v3%00.fal.media/a", "https://ⓥ3.fal.media/a", "https://v3.fal。media/a", "https://ev\u0131l.fal.media/a",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			continue // refused before it is checked
		}
		require.ErrorIs(t, strict.check(u), errTarget, raw)
	}

	loose := targets{hosts: []string{"fal.media"}, loopback: true}
	for _, raw := range []string{"http://127.0.0.1:8080/a", "http://[::1]:8080/a", "http://localhost/a"} {
		require.NoError(t, loose.check(parse(t, raw)), raw)
	}
	for _, raw := range []string{
		"http://10.0.0.1/a", "http://localhost.evil.com/a", "http://v3.fal.media/a", "http://0.0.0.0/a", "http://u@127.0.0.1/a",
		"http://[fe80::1%25lo]/a",
	} {
		require.ErrorIs(t, loose.check(parse(t, raw)), errTarget, raw)
	}
}

func TestLoopbackURL(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"http://127.0.0.1:9000", "http://localhost:9000/api", "http://[::1]:9000"} {
		require.True(t, LoopbackURL(base), base)
	}
	for _, base := range []string{"https://queue.fal.run", "http://127.0.0.1.evil.com", "http://10.0.0.1", "", "http://[::", "127.0.0.1"} {
		require.False(t, LoopbackURL(base), base)
	}
}

func parse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err, raw)
	return u
}
