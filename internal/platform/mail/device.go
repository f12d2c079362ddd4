package mail

import (
	"net/netip"
	"strings"
)

// Origin is where a change came from, as a mail tells it: nothing of it is text that a client chose.
type Origin struct {
	Device  string `json:"device,omitempty"`  // as [Device] names it
	Address string `json:"address,omitempty"` // a network address
}

// NewOrigin returns the origin of a request with a user agent and an address.
func NewOrigin(userAgent, address string) Origin {
	if _, err := netip.ParseAddr(address); err != nil {
		address = ""
	}
	return Origin{Device: Device(userAgent), Address: address}
}

// String is a phrase such as "Firefox on Windows, at 203.0.113.7".
func (o Origin) String() string {
	device := o.Device
	if device == "" {
		device = unknownDevice
	}
	if o.Address == "" {
		return device
	}
	return device + ", at " + o.Address
}

const unknownDevice = "an unknown device"

// word is a name and the part of a user agent that stands for it.
type word struct{ sign, name string }

// browsers are in the order in which their signs count: browsers name those that they resemble, too.
func browsers() []word {
	return []word{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
		{"curl/", "curl"},
	}
}

// systems are in the order in which their signs count.
func systems() []word {
	return []word{
		{"iPhone", "an iPhone"},
		{"iPad", "an iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"Mac OS X", "a Mac"},
		{"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	}
}

// Device names the browser and the system of a user agent in words of ours. A mail must not quote what a client has chosen: an
// intruder would write to the owner in our name.
func Device(userAgent string) string {
	browser, system := find(browsers(), userAgent), find(systems(), userAgent)
	switch {
	case browser == "" && system == "":
		return unknownDevice
	case browser == "":
		return "a program on " + system
	case system == "":
		return browser
	}
	return browser + " on " + system
}

func find(words []word, in string) string {
	for _, w := range words {
		if strings.Contains(in, w.sign) {
			return w.name
		}
	}
	return ""
}
